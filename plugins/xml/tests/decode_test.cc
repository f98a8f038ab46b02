// XML bodies → documents: encodings.md §5.
#include "../../shared/tests/coding.h"

namespace {

using sluice::testing::Coding;

class XmlDecodeTest : public ::testing::Test {
 protected:
  Coding xml_{"xml"};
};

TEST_F(XmlDecodeTest, TextIsAStringAndBlanksAroundItGo) {
  EXPECT_EQ(xml_.decode("<r>t</r>"), R"({"r":"t"})");
  EXPECT_EQ(xml_.decode("<r> \r\n\t a b \n</r>"), R"({"r":"a b"})");
  EXPECT_EQ(xml_.decode("<r>1.50</r>"), R"({"r":"1.50"})");
}

TEST_F(XmlDecodeTest, AnElementWithoutAnythingIsAnEmptyString) {
  EXPECT_EQ(xml_.decode("<r/>"), R"({"r":""})");
  EXPECT_EQ(xml_.decode("<r>  </r>"), R"({"r":""})");
  EXPECT_EQ(xml_.decode("<r><a></a></r>"), R"({"r":{"a":""}})");
}

TEST_F(XmlDecodeTest, AttributesGetAHyphenAndTextBesideThemIsHashText) {
  EXPECT_EQ(xml_.decode(R"(<r b="2" a="1">t</r>)"), R"({"r":{"#text":"t","-a":"1","-b":"2"}})");
  EXPECT_EQ(xml_.decode(R"(<r a=""/>)"), R"({"r":{"-a":""}})");
}

TEST_F(XmlDecodeTest, RepeatedChildrenAreAnArrayInDocumentOrder) {
  EXPECT_EQ(xml_.decode("<r><b>1</b><a>x</a><b>2</b><b><c>3</c></b></r>"), R"({"r":{"a":"x","b":["1","2",{"c":"3"}]}})");
}

TEST_F(XmlDecodeTest, NamesLoseTheirPrefix) {
  EXPECT_EQ(xml_.decode(R"(<x:root xmlns:x="urn:x" x:at="1"><y:b>2</y:b></x:root>)"), R"({"root":{"-at":"1","-x":"urn:x","b":"2"}})");
  EXPECT_EQ(xml_.decode(R"(<r p:a="1" q:a="2"/>)"), R"({"r":{"-a":"2"}})");
  EXPECT_TRUE(xml_.decode("<a:b:c/>").ends_with("a name with two colons"));
}

TEST_F(XmlDecodeTest, TextBeforeTheFirstChildIsTheWholeValue) {
  EXPECT_EQ(xml_.decode("<r>before<c>1</c>after</r>"), R"({"r":"before"})");
}

TEST_F(XmlDecodeTest, TextBehindAChildIsHashTextAndTheLastRunWins) {
  EXPECT_EQ(xml_.decode("<r><c>1</c>one<d/>two</r>"), R"({"r":{"#text":"two","c":"1","d":""}})");
}

TEST_F(XmlDecodeTest, CommentsInstructionsAndCdataSplitText) {
  EXPECT_EQ(xml_.decode("<r>one<!-- c -->two</r>"), R"({"r":"two"})");
  EXPECT_EQ(xml_.decode("<r>one<?pi x?>two</r>"), R"({"r":"two"})");
  EXPECT_EQ(xml_.decode("<r><![CDATA[<b> & ]]></r>"), R"({"r":"<b> &"})");
}

TEST_F(XmlDecodeTest, EntitiesAndCharacterReferencesAreResolved) {
  EXPECT_EQ(xml_.decode("<r a=\"&lt;\">&amp;&#65;&#x42;&gt;</r>"), R"({"r":{"#text":"&AB>","-a":"<"}})");
  EXPECT_EQ(xml_.decode("<r>&nbsp;</r>"), "error: invalid XML at byte 3 of the root element: undefined entity");
}

TEST_F(XmlDecodeTest, AnythingMayStandAroundTheRootElement) {
  EXPECT_EQ(xml_.decode("\xef\xbb\xbf junk <?xml version=\"1.0\"?> x <!-- <no/> --><!DOCTYPE r [<!ELEMENT r ANY> <!-- > -->]> y <r>1</r><s"),
            R"({"r":"1"})");
}

TEST_F(XmlDecodeTest, DeclaredEntitiesDoNotExist) {
  EXPECT_EQ(xml_.decode(R"(<!DOCTYPE r [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]><r>&b;</r>)"),
            "error: invalid XML at byte 3 of the root element: undefined entity");
  EXPECT_EQ(xml_.decode(R"(<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r>&a;</r>)"),
            "error: invalid XML at byte 3 of the root element: undefined entity");
}

TEST_F(XmlDecodeTest, OtherCharacterSetsBecomeUtf8) {
  EXPECT_EQ(xml_.decode("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><r>\xe9\x80</r>"), "{\"r\":\"\u00e9\u20ac\"}");
  EXPECT_EQ(xml_.decode("<?xml version='1.0' encoding = 'windows-1251'?><r>\xcf</r>"), "{\"r\":\"\u041f\"}");
  EXPECT_EQ(xml_.decode("<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><r>\x83\x65</r>"), "{\"r\":\"\u30c6\"}");
  EXPECT_EQ(xml_.decode("<?xml version=\"1.0\" encoding=\"euc-jp\"?><r>\xff</r>"), "{\"r\":\"\ufffd\"}");
  EXPECT_EQ(xml_.decode(std::string_view{"\xff\xfe<\0r\0>\0x\0<\0/\0r\0>\0", 18}), R"({"r":"x"})");
  EXPECT_EQ(xml_.decode("<?xml version=\"1.0\" encoding=\"klingon\"?><r/>"), "error: the body's character set is unknown: \"klingon\"");
  EXPECT_EQ(xml_.decode("<?xml version=\"1.0\" encoding=\"latin1//IGNORE\"?><r/>"),
            "error: the body's character set is unknown: \"latin1//IGNORE\"");
}

TEST_F(XmlDecodeTest, ACollectionIsTheSameUnderItsName) {
  EXPECT_EQ(xml_.decode("<r><a>1</a></r>", true), R"({"collection":{"r":{"a":"1"}}})");
}

TEST_F(XmlDecodeTest, WhatIsNoXmlIsRefusedWithAReason) {
  EXPECT_EQ(xml_.decode(""), "error: the body is empty");
  EXPECT_EQ(xml_.decode(R"({"a":1})"), "error: the body has no XML element");
  EXPECT_EQ(xml_.decode("<!-- only -->"), "error: the body has no XML element");
  for (const char* body : {"<a><b></a>", "<a>", "<a", "</a>", "<a>\xff</a>", "<a b=1/>", "<a b/>", "<a>]]></a>", "<a>\x01</a>"})
    EXPECT_TRUE(xml_.decode(body).starts_with("error: invalid XML at byte ")) << body << ": " << xml_.decode(body);
}

}  // namespace
