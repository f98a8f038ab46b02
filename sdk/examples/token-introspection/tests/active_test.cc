#include "../active.h"

#include <gtest/gtest.h>

#include <string>

using example::active_of;

TEST(ActiveTest, ReadsTheVerdict) {
  EXPECT_EQ(active_of(R"({"active":true})"), true);
  EXPECT_EQ(active_of(R"({"active":false})"), false);
  EXPECT_EQ(active_of("\r\n {\t\"scope\" : \"a } b\", \"exp\": 1.5e3, \"aud\":[1,{\"active\":false},[]], \"active\" : true , \"x\":null} \n"), true);
  EXPECT_EQ(active_of(R"({"a":"\"active\":false","active":true})"), true);
}

TEST(ActiveTest, WhatIsNoVerdictIsNone) {
  for (const char* text : {"", "true", "[]", "{}", R"({"active":1})", R"({"active":"true"})", R"({"active":null})", R"({"active":tru})",
                           R"({"active":true}x)", R"({"active":true,})", R"({"active":true "a":1})", R"({"Active":true})",
                           R"({"data":{"active":true}})", "{\"a\":\"\n\",\"active\":true}"}) {
    EXPECT_EQ(active_of(text), std::nullopt) << text;
  }
}

TEST(ActiveTest, AnAmbiguousAnswerIsNoVerdict) {
  EXPECT_EQ(active_of(R"({"active":false,"active":true})"), std::nullopt);
  EXPECT_EQ(active_of(R"({"active":true,"\u0061ctive":false})"), std::nullopt);
}

TEST(ActiveTest, DepthIsBounded) {
  EXPECT_EQ(active_of("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + ",\"active\":true}"), std::nullopt);
}

TEST(ActiveTest, NoBeginningOfAnAnswerIsAnAnswer) {
  const std::string whole = R"({"scope":"a\"b","n":[-1.5,{"k":null}],"active":true})";
  ASSERT_EQ(active_of(whole), true);
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_EQ(active_of(std::string_view{whole}.substr(0, n)), std::nullopt) << n;
}
