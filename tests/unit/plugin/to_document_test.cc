// Configuration values as documents.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "core/document/write.h"
#include "core/plugin/registry.h"

namespace sluice::plugin {
namespace {

std::string written(const std::string& json, Written as) {
  BlockPool pool;
  Arena arena{pool};
  document::Node node = to_document(arena, boost::json::parse(json), as);
  return document::to_json(arena, node);
}

TEST(ToDocumentTest, NumbersOfAnswersAreDoublesWrittenAsTheReferenceDoes) {
  for (auto [given, gives] : {std::pair{"1e5", "100000"},
                              {"1e15", "1000000000000000"},
                              {"1e20", "100000000000000000000"},
                              {"1e21", "1e+21"},
                              {"0.00001", "0.00001"},
                              {"1e-6", "0.000001"},
                              {"1e-7", "1e-7"},
                              {"1.5e10", "15000000000"},
                              {"12345678901234567890", "12345678901234567000"},
                              {"9007199254740993", "9007199254740992"},
                              {"-9007199254740993", "-9007199254740992"},
                              {"7", "7"},
                              {"0", "0"},
                              {"-1.5", "-1.5"}})
    EXPECT_EQ(written(given, Written::reference), gives) << given;
}

TEST(ToDocumentTest, MembersOfAnswersAreSortedAtEveryLevel) {
  EXPECT_EQ(written(R"({"z":{"b":1,"a":[{"d":1,"c":2}]},"c":1})", Written::reference), R"({"c":1,"z":{"a":[{"c":2,"d":1}],"b":1}})");
}

TEST(ToDocumentTest, WhatPluginsReadIsExact) {
  EXPECT_EQ(written(R"({"z":18446744073709551615,"a":-9007199254740993,"f":1e20})", Written::exact),
            R"({"z":18446744073709551615,"a":-9007199254740993,"f":100000000000000000000})");
}

}  // namespace
}  // namespace sluice::plugin
