#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

namespace {

std::string csv(std::string_view json) {
  FakeHost host;
  Configured encoder{host, SLC_ENTRY_SYMBOL, "csv"};
  EXPECT_TRUE(encoder.ok()) << host.problem_text();
  FakeExchange x{host};
  std::string error;
  x.data = Json::parse(json, error);
  x.has_data = true;
  EXPECT_EQ(error, "");
  EXPECT_EQ(encoder.encode(x), SLC_OK);
  return x.response_body;
}

TEST(CsvTest, AListOfObjectsIsATable) {
  EXPECT_EQ(csv(R"({"collection":[{"id":1,"name":"pen"},{"id":2,"name":"ink"}]})"), "id,name\r\n1,pen\r\n2,ink\r\n");
  EXPECT_EQ(csv(R"([{"id":1}])"), "id\r\n1\r\n");
}

TEST(CsvTest, ColumnsAreAllNamesInTheirOrderOfAppearance) {
  EXPECT_EQ(csv(R"([{"b":1,"a":2},{"a":3,"c":4},{}])"), "b,a,c\r\n1,2,\r\n,3,4\r\n,,\r\n");
}

TEST(CsvTest, QuotesWhatNeedsQuotes) {
  EXPECT_EQ(csv(R"([{"a,b":"x\"y","t":"line\r\nbreak","plain":"no quotes; here"}])"),
            "\"a,b\",t,plain\r\n\"x\"\"y\",\"line\r\nbreak\",no quotes; here\r\n");
}

TEST(CsvTest, NumbersKeepTheirText) { EXPECT_EQ(csv(R"([{"n":1.10,"big":12345678901234567890}])"), "n,big\r\n1.10,12345678901234567890\r\n"); }

TEST(CsvTest, OtherValues) {
  EXPECT_EQ(csv(R"([{"yes":true,"no":false,"null":null,"list":[1,"a"],"object":{"k":1},"empty":""}])"),
            "yes,no,null,list,object,empty\r\ntrue,false,,\"[1,\"\"a\"\"]\",\"{\"\"k\"\":1}\",\r\n");
}

TEST(CsvTest, AListOfPlainValuesHasOneColumn) { EXPECT_EQ(csv(R"(["a","b, c",3])"), "value\r\na\r\n\"b, c\"\r\n3\r\n"); }

TEST(CsvTest, AnAnswerWithoutAListIsOneRecord) { EXPECT_EQ(csv(R"({"id":7,"name":"pen"})"), "id,name\r\n7,pen\r\n"); }

TEST(CsvTest, OfSeveralListsNoneIsTheTable) {
  EXPECT_EQ(csv(R"({"a":[1],"b":[2]})"), "a,b\r\n[1],[2]\r\n");
}

TEST(CsvTest, NothingIsAnEmptyTable) {
  EXPECT_EQ(csv("null"), "");
  EXPECT_EQ(csv("[]"), "");
  EXPECT_EQ(csv(R"({"collection":[]})"), "");
}

TEST(CsvTest, RefusesATableThatIsTooWide) {
  std::string json = "[{";
  for (int i = 0; i <= 1000; ++i) json += (i > 0 ? "," : "") + ("\"c" + std::to_string(i)) + "\":1";
  FakeHost host;
  Configured encoder{host, SLC_ENTRY_SYMBOL, "csv"};
  FakeExchange x{host};
  std::string error;
  x.data = Json::parse(json + "}]", error);
  x.has_data = true;
  EXPECT_EQ(encoder.encode(x), SLC_ELIMIT);
  EXPECT_TRUE(host.logged("more than 1000 columns"));
}

}  // namespace
