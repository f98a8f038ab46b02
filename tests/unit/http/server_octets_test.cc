#include "core/http/server_octets.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

TEST(ServerOctetsTest, AControlOctetIsFoundWhereverItStands) {
  for (size_t size = 0; size <= 33; ++size) {
    std::string text(size, 'a');
    EXPECT_FALSE(has_control(text)) << size;
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        text[at] = static_cast<char>(c);
        const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
        ASSERT_EQ(has_control(text), control) << size << " octets, " << c << " at " << at;
        const char* const end = text.data() + size;
        ASSERT_EQ(find_control(text.data(), end), control ? text.data() + at : end) << size << " octets, " << c << " at " << at;
      }
      text[at] = 'a';
    }
  }
}

}  // namespace
}  // namespace sluice::http
