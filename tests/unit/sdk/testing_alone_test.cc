#include <sluice/testing.hpp>  // first: it must compile alone, without plugin.hpp

#include <gtest/gtest.h>

using sluice::testing::FakeHost;

TEST(FakeHostTest, LimiterStartsFullAndRefillsUpToItsCapacity) {
  FakeHost host;
  const auto& shared = *static_cast<const slc_shared_api*>(host.service(&host, SLC_SVC_SHARED));
  slc_limiter* l = shared.limiter(&host, {"k", 1}, 10, 2, 0);
  const auto take = [&] { return shared.take(l, {nullptr, 0}); };
  EXPECT_EQ(take() + take() + take(), 2);
  host.advance(100);
  EXPECT_EQ(take() + take(), 1);
  host.advance(100000);
  EXPECT_EQ(take() + take() + take(), 2);
  EXPECT_EQ(shared.limiter(&host, {"k", 1}, 10, 2, 0), l);
}

TEST(FakeHostTest, SharedBlocksAreZeroedKeyedAndSized) {
  FakeHost host;
  const auto& shared = *static_cast<const slc_shared_api*>(host.service(&host, SLC_SVC_SHARED));
  auto* a = static_cast<unsigned char*>(shared.block(&host, {"a", 1}, 16));
  for (int i = 0; i < 16; ++i) EXPECT_EQ(a[i], 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a) % 64, 0u);
  EXPECT_EQ(shared.block(&host, {"a", 1}, 16), a);
  EXPECT_EQ(shared.block(&host, {"a", 1}, 32), nullptr);
  EXPECT_NE(shared.block(&host, {"b", 1}, 16), a);
}

TEST(FakeHostTest, TimersFireInOrderOfTimeAndCanBeCancelled) {
  FakeHost host;
  const auto& loop = *static_cast<const slc_loop_api*>(host.service(&host, SLC_SVC_LOOP));
  static std::string order;
  order.clear();
  static const char a = 'a', b = 'b', c = 'c';
  const slc_timer_fn fn = [](void* user, slc_exchange*) noexcept { order += *static_cast<const char*>(user); };
  loop.timer(host.worker(0), nullptr, 20, fn, const_cast<char*>(&b));
  loop.timer(host.worker(0), nullptr, 10, fn, const_cast<char*>(&a));
  const slc_token t = loop.timer(host.worker(0), nullptr, 15, fn, const_cast<char*>(&c));
  EXPECT_EQ(loop.cancel(host.worker(0), t), SLC_OK);
  EXPECT_EQ(loop.cancel(host.worker(0), t), SLC_ESTALE);
  host.advance(9);
  EXPECT_EQ(order, "");
  host.advance(30);
  EXPECT_EQ(order, "ab");
}

TEST(FakeHostTest, HeaderValuesWithLineBreaksAreRefused) {
  FakeHost host;
  sluice::testing::FakeExchange x{host};
  const auto& api = *static_cast<const slc_exchange_api*>(host.service(&host, SLC_SVC_EXCHANGE));
  const slc_header_id id = api.intern(&host, {"X-A", 3});
  EXPECT_EQ(api.set_header(x.handle(), SLC_REQUEST, id, {"a\r\nb", 4}), SLC_EINVAL);
  EXPECT_EQ(api.set_header(x.handle(), SLC_REQUEST, id, {"ok", 2}), SLC_OK);
  EXPECT_EQ(api.set_header(x.handle(), SLC_REQUEST, id, {"new", 3}), SLC_OK);
  EXPECT_EQ(x.lines(SLC_REQUEST).size(), 1u);
  EXPECT_EQ(api.intern(&host, {"a b", 3}), 0u);
}
