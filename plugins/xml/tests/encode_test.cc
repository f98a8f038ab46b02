// Documents → XML: pipeline.md §8.2.
#include "../../shared/tests/coding.h"

namespace {

using sluice::testing::Coding;

class XmlEncodeTest : public ::testing::Test {
 protected:
  Coding xml_{"xml"};
};

TEST_F(XmlEncodeTest, OneTopLevelKeyIsTheRootAndSeveralGetOne) {
  EXPECT_EQ(xml_.encode(R"({"r":{"b":1,"a":"x"}})"), "<r><a>x</a><b>1</b></r>");
  EXPECT_EQ(xml_.encode(R"({"b":1,"a":true})"), "<doc><a>true</a><b>1</b></doc>");
}

TEST_F(XmlEncodeTest, NothingIsAnEmptyDoc) {
  EXPECT_EQ(xml_.encode("{}"), "<doc/>");
  EXPECT_EQ(xml_.encode("null"), "<doc/>");
}

TEST_F(XmlEncodeTest, ArraysRepeatTheirElement) {
  EXPECT_EQ(xml_.encode(R"({"x":0,"l":[1,"two",null,[3,[]],{"k":"v"}]})"), "<doc><l>1</l><l>two</l><l/><l>3</l><l/><l><k>v</k></l><x>0</x></doc>");
  EXPECT_EQ(xml_.encode(R"({"x":0,"e":[],"o":{},"s":"","n":null})"), "<doc><e/><n/><o/><s/><x>0</x></doc>");
}

TEST_F(XmlEncodeTest, AnArrayOfObjectsAloneGivesSeveralRootsAndAnyOtherADoc) {
  EXPECT_EQ(xml_.encode(R"({"l":[{"a":1},{"a":2}]})"), "<l><a>1</a></l><l><a>2</a></l>");
  EXPECT_EQ(xml_.encode(R"({"l":[{"a":1},2]})"), "<doc><l><a>1</a></l><l>2</l></doc>");
}

TEST_F(XmlEncodeTest, AttributesAreSortedAndTextBesideThemIsText) {
  EXPECT_EQ(xml_.encode(R"({"r":{"-b":1.50,"-a":"<","#text":"t","-c":false}})"), R"(<r a="&lt;" b="1.50" c="false">t</r>)");
  EXPECT_EQ(xml_.encode(R"({"r":{"-a":"1"}})"), R"(<r a="1"/>)");
}

TEST_F(XmlEncodeTest, WhatHasNoFormInXmlIsAnEmptyBody) {
  for (const char* data : {R"({"r":{"#text":"t","c":1}})", R"({"r":{"-a":null,"b":1}})", R"({"r":{"-a":[1]}})", R"({"r":{"-a":{}}})", R"({"r":{"#text":{}}})"})
    EXPECT_EQ(xml_.encode(data), "") << data;
}

TEST_F(XmlEncodeTest, TextIsEscapedAndNeverMalformed) {
  EXPECT_EQ(xml_.encode(R"({"s":"a<b>&\"'"})"), "<s>a&lt;b&gt;&amp;&quot;&apos;</s>");
  sluice::testing::Json data;
  data.kind = SLC_OBJECT;
  sluice::testing::Json bytes;
  bytes.kind = SLC_STRING, bytes.text = "a\xff\x01\u00e9";
  data.put("s", bytes);
  EXPECT_EQ(xml_.encode(data), "<s>a\ufffd\ufffd\u00e9</s>");
}

TEST_F(XmlEncodeTest, SimpleXmlComesOutAsItWentIn) {
  const char* body = R"(<r a="1"><b>x</b><c d="2">y</c><e/></r>)";
  EXPECT_EQ(xml_.encode(xml_.decode(body)), body);
}

}  // namespace
