#include "core/base/arena.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice {
namespace {

TEST(BlockPoolTest, BlocksOfEverySizeHaveTheRoomAskedFor) {
  BlockPool pool;
  for (size_t room = 1; room < 6u << 20; room += room / 7 + 1) {
    BlockPool::Block* b = pool.get(room);
    EXPECT_GE(b->room(), room);
    b->data()[0] = b->data()[room - 1] = 'x';
    pool.put(b);
  }
}

TEST(BlockPoolTest, ABigBlockComesBackForTheNextOfItsSize) {
  BlockPool pool;
  for (size_t room : {size_t{1000}, size_t{30'000}, size_t{65'536}, size_t{70'000}, size_t{262'206}, size_t{4'000'000}}) {
    BlockPool::Block* first = pool.get(room);
    pool.put(first);
    size_t kept = pool.kept();
    EXPECT_GE(kept, room);
    BlockPool::Block* second = pool.get(room);
    EXPECT_EQ(second, first) << room;
    EXPECT_LT(pool.kept(), kept);
    pool.put(second);
  }
}

TEST(BlockPoolTest, ABlockOfAnotherClassIsNotTakenForABiggerOne) {
  BlockPool pool;
  pool.put(pool.get(70'000));
  BlockPool::Block* bigger = pool.get(100'000);
  EXPECT_GE(bigger->room(), 100'000u);
  pool.put(bigger);
}

TEST(BlockPoolTest, WhatIsKeptIsBounded) {
  BlockPool pool;
  std::vector<BlockPool::Block*> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(pool.get(1 << 20));
  for (auto* b : blocks) pool.put(b);
  EXPECT_LE(pool.kept(), BlockPool::kKeepHuge);
  EXPECT_GT(pool.kept(), BlockPool::kKeepHuge / 2);
  blocks.clear();
  BlockPool::Block* beyond = pool.get(BlockPool::kHuge);  // with its header more than the biggest class
  size_t before = pool.kept();
  pool.put(beyond);
  EXPECT_EQ(pool.kept(), before);
}

TEST(ArenaTest, ResetKeepsOneSmallBlockAndReleaseNone) {
  BlockPool pool;
  Arena arena{pool};
  arena.alloc(10);
  arena.alloc(300'000);
  EXPECT_GT(arena.allocated(), 300'000u);
  arena.reset();
  EXPECT_EQ(arena.allocated(), BlockPool::kSmall);
  arena.release();
  EXPECT_EQ(arena.allocated(), 0u);
  EXPECT_GE(pool.kept(), 300'000u + BlockPool::kSmall);
}

TEST(ArenaTest, ABigPieceLeavesTheRoomOfTheCurrentBlockInUse) {
  BlockPool pool;
  Arena arena{pool};
  auto* small = static_cast<char*>(arena.alloc(8, 8));
  arena.alloc(200'000);
  EXPECT_EQ(static_cast<char*>(arena.alloc(8, 8)), small + 8);
}

}  // namespace
}  // namespace sluice
