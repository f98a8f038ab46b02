// Feeds → documents: encodings.md §6.
#include "../../shared/tests/coding.h"

namespace {

using sluice::testing::Coding;

class RssTest : public ::testing::Test {
 protected:
  // The items alone, of a channel with these.
  std::string items(std::string_view inside) {
    std::string all = rss_.decode("<rss xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:content='http://purl.org/rss/1.0/modules/content/' "
                                  "xmlns:it='http://www.itunes.com/dtds/podcast-1.0.dtd' xmlns:media='http://search.yahoo.com/mrss/'><channel>" +
                                  std::string{inside} + "</channel></rss>");
    size_t begin = all.find("\"items\":"), end = all.find(",\"language\"");
    return begin == all.npos ? all : all.substr(begin + 8, end - begin - 8);
  }
  Coding rss_{"rss"};
};

TEST_F(RssTest, AllKeysAreThereEvenIfTheFeedHasNothing) {
  EXPECT_EQ(
      rss_.decode("<rss version='2.0'><channel/></rss>"),
      R"({"author":null,"categories":null,"copyright":"","custom":null,"description":"","items":[],"language":"","published":"","title":"","type":"rss","updated":""})");
}

TEST_F(RssTest, AChannelTellsAboutItself) {
  EXPECT_EQ(
      rss_.decode("\xef\xbb\xbf \n<RSS><channel><title>T</title><description>D</description><language>en</language><copyright>C</copyright>"
                  "<pubDate>p</pubDate><lastBuildDate>u</lastBuildDate><managingEditor>me@x.org (Me)</managingEditor><category>a</category>"
                  "<own>x</own><image><url>i</url></image><link>l</link></channel></RSS>"),
      R"({"author":{"name":"Me","email":"me@x.org"},"categories":["a"],"copyright":"C","custom":{"own":"x"},"description":"D","img_url":"i","items":[],"language":"en","published":"p","title":"T","type":"rss","updated":"u"})");
}

TEST_F(RssTest, AnItemHasItsMembersInAFixedOrder) {
  EXPECT_EQ(
      items("<item><category>c</category><guid>g</guid><pubDate>Mon, 02 Jan 2023 15:04:05 GMT</pubDate><link>l1</link><link>l2</link>"
            "<description>one &lt;b&gt;two&lt;/b&gt;</description><title>T</title><author>a@x</author><enclosure url='e' length='1' type='image/png'/>"
            "<content:encoded><![CDATA[<p>x</p>]]></content:encoded><own>o</own></item>"),
      R"([{"title":"T","description":"one <b>two</b>","content":"<p>x</p>","link":"l1","links":["l1","l2"],"published":"Mon, 02 Jan 2023 15:04:05 GMT","publishedParsed":"2023-01-02T15:04:05Z","author":{"email":"a@x"},"authors":[{"email":"a@x"}],"guid":"g","image":{"url":"e"},"categories":["c"],"enclosures":[{"url":"e","length":"1","type":"image/png"}],"custom":{"own":"o"}}])");
}

TEST_F(RssTest, OtherNamespacesAreExtensions) {
  EXPECT_EQ(
      items("<item><dc:creator>Me</dc:creator><dc:date>2023-01-02</dc:date><it:duration>5</it:duration></item>"),
      R"([{"updated":"2023-01-02","updatedParsed":"2023-01-02T00:00:00Z","published":"2023-01-02","publishedParsed":"2023-01-02T00:00:00Z","author":{"name":"Me"},"authors":[{"name":"Me"}],"dcExt":{"creator":["Me"],"date":["2023-01-02"]},"itunesExt":{"duration":"5"},"extensions":{"dc":{"creator":[{"name":"creator","value":"Me","attrs":{},"children":{}}],"date":[{"name":"date","value":"2023-01-02","attrs":{},"children":{}}]},"itunes":{"duration":[{"name":"duration","value":"5","attrs":{},"children":{}}]}}}])");
  EXPECT_EQ(
      items("<item><media:group><media:content url='u'/></media:group></item>"),
      R"([{"extensions":{"media":{"group":[{"name":"group","value":"","attrs":{},"children":{"content":[{"name":"content","value":"","attrs":{"url":"u"},"children":{}}]}}]}}}])");
}

TEST_F(RssTest, Rss10HasItemsBesideTheChannel) {
  EXPECT_EQ(
      rss_.decode("<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'><channel><title>T</title>"
                  "<items/></channel><image><url>i</url></image><item><title>I</title></item></rdf:RDF>"),
      R"({"author":null,"categories":null,"copyright":"","custom":null,"description":"","img_url":"i","items":[{"title":"I"}],"language":"","published":"","title":"T","type":"rss","updated":""})");
}

TEST_F(RssTest, AtomEntriesWithoutPublishedTakeTheirUpdate) {
  EXPECT_EQ(
      rss_.decode(
          "<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='de'><title>A</title><subtitle>S</subtitle><rights>R</rights><logo>L</logo>"
          "<author><name>N</name><email>e@x</email></author><category term='t' label='l'/><entry><title>E</title><updated>2023-01-02T03:04:05Z</updated>"
          "<content type='xhtml'><div>a<br/>b</div></content><link rel='self' href='s'/><link href='h'/><link rel='enclosure' href='e' "
          "type='t'/></entry></feed>"),
      R"({"author":{"name":"N","email":"e@x"},"categories":["l"],"copyright":"R","custom":null,"description":"S","img_url":"L","items":[{"title":"E","content":"<div>a<br/>b</div>","link":"h","links":["h"],"updated":"2023-01-02T03:04:05Z","updatedParsed":"2023-01-02T03:04:05Z","published":"2023-01-02T03:04:05Z","publishedParsed":"2023-01-02T03:04:05Z","enclosures":[{"url":"e","type":"t"}]}],"language":"de","published":"","title":"A","type":"atom","updated":""})");
}

TEST_F(RssTest, JsonFeedsAreFeeds) {
  EXPECT_EQ(
      rss_.decode(R"( {"version":"https://jsonfeed.org/version/1.1","title":"J","description":"D","language":"en","icon":"i","authors":[{"name":"N"}],
      "items":[{"id":1,"url":"u","content_html":"<p>","summary":"s","tags":["a"],"date_published":"2023-01-02T03:04:05Z","attachments":[{"url":"x","mime_type":"m","size_in_bytes":9}]}]})"),
      R"({"author":{"name":"N"},"categories":null,"copyright":"","custom":null,"description":"D","img_url":"i","items":[{"description":"s","content":"<p>","link":"u","links":["u"],"published":"2023-01-02T03:04:05Z","publishedParsed":"2023-01-02T03:04:05Z","guid":"1","categories":["a"],"enclosures":[{"url":"x","length":"9","type":"m"}]}],"language":"en","published":"2023-01-02T03:04:05Z","title":"J","type":"json","updated":""})");
}

TEST_F(RssTest, PeopleAreWrittenInSeveralWays) {
  for (const char* author : {"me@x.org (Me)", "Me (me@x.org)", "Me &lt;me@x.org&gt;"})
    EXPECT_NE(items("<item><author>" + std::string{author} + "</author></item>").find(R"("author":{"name":"Me","email":"me@x.org"})"), std::string::npos)
        << author;
}

TEST_F(RssTest, HtmlEntitiesOutsideCdataDoNotBreakAFeed) {
  EXPECT_EQ(items("<item><title>a&nbsp;&hellip;&unknown;</title></item>"), "[{\"title\":\"a\u00a0\u2026&unknown;\"}]");
}

TEST_F(RssTest, WhatIsNoFeedIsRefused) {
  EXPECT_EQ(rss_.decode("<html/>"), "error: the body is XML, but no feed: its root is <html>");
  EXPECT_EQ(rss_.decode(""), "error: the body is empty");
  EXPECT_EQ(rss_.decode("text"), "error: the body has no XML element");
  EXPECT_EQ(rss_.decode(R"({"a":1})"), "error: the body is JSON, but no JSON feed");
  EXPECT_TRUE(rss_.decode("{").starts_with("error: invalid JSON feed: "));
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "<a>";
  EXPECT_TRUE(rss_.decode("<rss>" + deep).ends_with("nested too deep"));
}

}  // namespace
