#include "core/plugin/cost.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <tuple>
#include <utility>

#include "core/base/clock.h"

namespace sluice::plugin::cost {
namespace {

using AllKinds = std::array<Totals, kHookKinds>;

struct Book {
  std::mutex mutex;
  struct Less {
    bool operator()(const Owner& a, const Owner& b) const {
      return std::tie(a.plugin, a.version, a.binding, a.interface_id) < std::tie(b.plugin, b.version, b.binding, b.interface_id);
    }
  };
  std::map<Owner, AllKinds, Less> owners;  // with what accounts that ended had counted; never shrinks: one per build of a plugin
  // The view is the account's own text. An account leaves in its destructor, so what is found here can be read under the lock.
  std::map<std::pair<const Owner*, std::string_view>, Account*> places;
  std::set<const Account*> live;
};
Book& book() {
  static auto* b = new Book;  // workers may outlive static destruction
  return *b;
}

uint64_t value(const Number& n) { return n.load(std::memory_order_relaxed); }

bool is_empty(const AllKinds& all) {
  return std::none_of(all.begin(), all.end(), [](const Totals& t) { return t.any(); });
}

Row row_of(const Owner& owner, std::string_view place, const AllKinds& all) {
  Row row{owner, std::string{place}, {}};
  for (uint32_t k = 0; k < kHookKinds; ++k)
    if (all[k].any()) row.hooks.emplace_back(static_cast<HookKind>(k), all[k]);
  return row;
}

}  // namespace

void OutsideCell::add_call(const Cell& one) {
  cell.calls.fetch_add(value(one.calls), std::memory_order_relaxed);
  cell.ticks.fetch_add(value(one.ticks), std::memory_order_relaxed);
  cell.bytes.fetch_add(value(one.bytes), std::memory_order_relaxed);
  const uint64_t spent = value(one.longest);
  uint64_t longest = value(cell.longest);
  while (spent > longest && !cell.longest.compare_exchange_weak(longest, spent, std::memory_order_relaxed)) {
  }
}

void Totals::operator+=(const Totals& t) {
  calls += t.calls, errors += t.errors, busy_ns += t.busy_ns, waits += t.waits, waited_ns += t.waited_ns;
  bytes += t.bytes, timed_out += t.timed_out, stalls += t.stalls;
  longest_ns = std::max(longest_ns, t.longest_ns);
}

Account::Account(const Owner& owner, std::string place, uint32_t workers)
    : far_{workers > kNear ? new std::atomic<Block*>[workers - kNear] {} : nullptr}, workers_{workers}, owner_{&owner}, place_{std::move(place)} {}

Account::~Account() {
  AllKinds all = totals();
  Book& b = book();
  {
    std::lock_guard lock{b.mutex};
    b.live.erase(this);
    auto it = b.places.find({owner_, place_});
    if (it != b.places.end() && it->second == this) b.places.erase(it);
    AllKinds& gone = b.owners.find(*owner_)->second;
    for (uint32_t k = 0; k < kHookKinds; ++k) gone[k] += all[k];
  }
  for (uint32_t w = 0; w < workers_; ++w) delete block(w);
  for (OutsideCell* c = outside_.load(std::memory_order_acquire); c;) delete std::exchange(c, c->next);
}

Cell* Account::grow(uint32_t worker, HookKind kind, std::shared_ptr<Cell> given) {
  if (worker >= workers_) return nullptr;
  Block* b = block(worker);
  if (!b) {
    b = new (std::nothrow) Block;
    if (!b) return nullptr;
    (worker < kNear ? near_[worker] : far_[worker - kNear]).store(b, std::memory_order_release);
  }
  if (b->used == Block::kCells) return nullptr;  // no interface has so many kinds
  if (!given) given = std::make_shared<Cell>();
  Cell* cell = given.get();
  b->cells[b->used] = std::move(given);
  b->index[static_cast<uint32_t>(kind)].store(++b->used, std::memory_order_release);
  return cell;
}

RareCell* Account::rare(uint32_t worker, HookKind kind) {
  if (!cell(worker, kind)) return nullptr;
  Block* b = block(worker);
  auto* all = b->rare.load(std::memory_order_relaxed);
  if (!all) {
    all = new (std::nothrow) std::array<RareCell, Block::kCells>;
    if (!all) return nullptr;
    b->rare.store(all, std::memory_order_release);
  }
  return &(*all)[b->index[static_cast<uint32_t>(kind)].load(std::memory_order_relaxed) - 1u];
}

OutsideCell* Account::outside(HookKind kind) const {
  if (!counts_outside(kind)) return nullptr;
  OutsideCell *first = outside_.load(std::memory_order_acquire), *fresh = nullptr;
  for (OutsideCell* looked_up_to = nullptr;;) {
    for (OutsideCell* c = first; c != looked_up_to; c = c->next)
      if (c->kind == kind) {
        delete fresh;  // another thread was faster
        return c;
      }
    if (!fresh) fresh = new (std::nothrow) OutsideCell;
    if (!fresh) return nullptr;
    fresh->kind = kind, fresh->next = looked_up_to = first;
    if (outside_.compare_exchange_strong(first, fresh, std::memory_order_acq_rel, std::memory_order_acquire)) return fresh;
  }
}

std::array<Totals, kHookKinds> Account::totals() const {
  AllKinds all{};
  for (uint32_t w = 0; w < workers_; ++w) {
    const Block* b = (w < kNear ? near_[w] : far_[w - kNear]).load(std::memory_order_acquire);
    const auto* rare = b ? b->rare.load(std::memory_order_acquire) : nullptr;
    for (uint32_t k = 0; b && k < kHookKinds; ++k) {
      const uint8_t i = b->index[k].load(std::memory_order_acquire);
      if (!i) continue;
      const Cell& c = *b->cells[i - 1u];
      Totals t{.calls = value(c.calls), .errors = 0, .busy_ns = value(c.ticks), .longest_ns = value(c.longest),
               .waits = 0, .waited_ns = 0, .bytes = value(c.bytes), .timed_out = 0, .stalls = 0};
      if (rare) {
        const RareCell& r = (*rare)[i - 1u];
        t.errors = value(r.errors), t.waits = value(r.waits), t.waited_ns = value(r.waited), t.timed_out = value(r.timed_out), t.stalls = value(r.stalls);
      }
      all[k] += t;
    }
  }
  for (const OutsideCell* c = outside_.load(std::memory_order_acquire); c; c = c->next)
    all[static_cast<uint32_t>(c->kind)] +=
        Totals{.calls = value(c->cell.calls), .errors = value(c->errors), .busy_ns = value(c->cell.ticks), .longest_ns = value(c->cell.longest),
               .waits = 0, .waited_ns = 0, .bytes = value(c->cell.bytes), .timed_out = 0, .stalls = 0};
  const double rate = clock::ns_per_tick();
  for (Totals& t : all)
    for (uint64_t* ticks : {&t.busy_ns, &t.longest_ns, &t.waited_ns})
      *ticks = static_cast<uint64_t>(static_cast<double>(*ticks) * rate);
  return all;
}

std::shared_ptr<Account> find_or_make(Owner owner, std::string place, uint32_t workers) {
  Book& b = book();
  std::shared_ptr<Account> known;  // let go after the lock: the last one to do so takes it
  std::lock_guard lock{b.mutex};
  const Owner& kept = b.owners.try_emplace(std::move(owner)).first->first;
  auto it = b.places.find({&kept, place});
  if (it != b.places.end()) {
    // One that is about to go, or has room for fewer workers, makes way; it stays in `live` until its end.
    known = it->second->weak_from_this().lock();
    if (known && known->workers() >= workers) return known;
    b.places.erase(it);
  }
  auto account = std::make_shared<Account>(kept, std::move(place), workers);
  b.places.emplace(std::pair{&kept, std::string_view{account->place()}}, account.get());
  b.live.insert(account.get());
  return account;
}

bool describe(const Account* account, Owner* owner, std::string* place) {
  Book& b = book();
  std::lock_guard lock{b.mutex};
  if (!b.live.contains(account)) return false;
  *owner = account->owner(), *place = account->place();
  return true;
}

Totals Row::sum() const {
  Totals all;
  for (const auto& [kind, t] : hooks) all += t;
  return all;
}

std::vector<Row> snapshot() {
  std::vector<Row> rows;
  Book& b = book();
  std::lock_guard lock{b.mutex};
  for (const auto& [owner, gone] : b.owners)
    if (!is_empty(gone)) rows.push_back(row_of(owner, {}, gone));
  for (const Account* a : b.live)
    if (AllKinds all = a->totals(); !is_empty(all)) rows.push_back(row_of(a->owner(), a->place(), all));
  std::sort(rows.begin(), rows.end(), [](const Row& x, const Row& y) {
    Book::Less less;
    return less(x.owner, y.owner) || (!less(y.owner, x.owner) && x.place < y.place);
  });
  return rows;
}

}  // namespace sluice::plugin::cost
