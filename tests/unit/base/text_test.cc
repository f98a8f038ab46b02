// Comparisons that look at eight octets at a time, against the plain ones.
#include "core/base/text.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

bool plainly_equal(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

TEST(TextTest, EveryPairOfOctetsAtEveryPlaceComparesAsOctetByOctet) {
  for (size_t size : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17}) {
    std::string a(size, 'x'), b(size, 'X');
    for (size_t at : {size_t{0}, size / 2, size - 1}) {
      for (int x = 0; x < 256; ++x)
        for (int y = 0; y < 256; ++y) {
          a[at] = static_cast<char>(x), b[at] = static_cast<char>(y);
          ASSERT_EQ(iequals(a, b), plainly_equal(a, b)) << size << " octets, " << x << " and " << y << " at " << at;
        }
      a[at] = 'x', b[at] = 'X';
    }
  }
}

TEST(TextTest, NamesOfDifferentLengthsDiffer) {
  EXPECT_TRUE(iequals("", ""));
  EXPECT_FALSE(iequals("", "a"));
  EXPECT_FALSE(iequals("content-length", "content-lengt"));
  EXPECT_TRUE(iequals("Content-Length", "content-LENGTH"));
}

}  // namespace
}  // namespace sluice
