#include "core/http/sniff.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kText = "text/plain; charset=utf-8", kHtml = "text/html; charset=utf-8", kBytes = "application/octet-stream";

TEST(SniffTest, TheBeginningTellsTheType) {
  const std::string eot = std::string(34, '\x01') + "LP";
  const struct {
    std::string_view bytes, type;
  } cases[] = {
      {"", kText},
      {" \t\r\n", kText},
      {"plain", kText},
      {R"({"a":1})", kText},  // JSON is not among the types that it knows
      {"caf\xC3\xA9 \x1B[1m\f", kText},
      {"\xE9 of another charset", kText},
      {"a\x01", kBytes},
      {"\0"sv, kBytes},
      {"a\x0B", kBytes},
      {"<html>", kHtml},
      {"<HtMl lang='x'>", kHtml},
      {"\n\t <!doctype html>", kHtml},
      {"<!DOCTYPE HTML ", kHtml},
      {"<!doctype html", kText},  // nothing ends the name
      {"<html\n>", kText},
      {"<!-- c", kHtml},
      {"<p>", kHtml},
      {"<pre>", kText},
      {"<a href=x>", kHtml},
      {"<br >", kHtml},
      {"<h1>", kHtml},
      {"<H\x11>", kBytes},  // a digit has no case
      {"<script>", kHtml},
      {"<iframe >", kHtml},
      {"<?xml version='1.0'?>", "text/xml; charset=utf-8"},
      {" \n<?xml", "text/xml; charset=utf-8"},
      {"<?XML ", kText},
      {"%PDF-1.7", "application/pdf"},
      {" %PDF-1.7", kText},
      {"%!PS-Adobe-3", "application/postscript"},
      {"\xFE\xFF\0a"sv, "text/plain; charset=utf-16be"},
      {"\xFF\xFE" "a\0"sv, "text/plain; charset=utf-16le"},
      {"\xEF\xBB\xBFx", kText},
      {"\xEF\xBB\xBF\x01", kText},
      {"\0\0\1\0"sv, "image/x-icon"},
      {"\0\0\2\0"sv, "image/x-icon"},
      {"BM", "image/bmp"},
      {"B", kText},
      {"GIF87a", "image/gif"},
      {"GIF89a", "image/gif"},
      {"GIF88a", kText},
      {"RIFF\1\2\3\4WEBPVP8", "image/webp"},
      {"RIFF\1\2\3\4WEBP", kBytes},
      {"\x89PNG\r\n\x1A\n", "image/png"},
      {"\x89PNG\r\n\x1A", kBytes},
      {"\xFF\xD8\xFF\xE0", "image/jpeg"},
      {"FORM\1\2\3\4AIFF", "audio/aiff"},
      {"ID3\3", "audio/mpeg"},
      {"OggS\0"sv, "application/ogg"},
      {"MThd\0\0\0\6"sv, "audio/midi"},
      {"RIFF\1\2\3\4AVI ", "video/avi"},
      {"RIFF\1\2\3\4WAVE", "audio/wave"},
      {"\x1A\x45\xDF\xA3", "video/webm"},
      {"\0\0\0\x10" "ftypmp42\0\0\0\0"sv, "video/mp4"},
      {"\0\0\0\x14" "ftypisom\0\0\0\0mp41"sv, "video/mp4"},
      {"\0\0\0\x10" "ftypisommp42"sv, kBytes},            // the version
      {"\0\0\0\x14" "ftypmp42"sv, kBytes},                // the box is longer than what is here
      {"\0\0\0\x11" "ftypmp42\0\0\0\0\0\0\0\0"sv, kBytes},
      {"\xFF\xFF\xFF\xFC" "ftypmp42\0\0\0\0"sv, kBytes},
      {eot, "application/vnd.ms-fontobject"},
      {"\0\1\0\0"sv, "font/ttf"},
      {"OTTO", "font/otf"},
      {"ttcf", "font/collection"},
      {"wOFF", "font/woff"},
      {"wOF2", "font/woff2"},
      {"\x1F\x8B\x08", "application/x-gzip"},
      {"PK\3\4", "application/zip"},
      {"Rar!\x1A\7\0"sv, "application/x-rar-compressed"},
      {"Rar!\x1A\7\1\0"sv, "application/x-rar-compressed"},
      {"\0asm\1"sv, "application/wasm"},
  };
  for (const auto& c : cases) EXPECT_EQ(sniff_content_type(c.bytes), c.type) << testing::PrintToString(std::string{c.bytes});
}

TEST(SniffTest, OnlyTheBeginningCounts) {
  EXPECT_EQ(sniff_content_type(std::string(kSniffed, 'a') + '\0'), kText);
  EXPECT_EQ(sniff_content_type(std::string(kSniffed - 1, 'a') + '\0'), kBytes);
  EXPECT_EQ(sniff_content_type(std::string(kSniffed, ' ') + "<html>"), kText);
}

TEST(SniffTest, NoPrefixReadsBeyondItsEnd) {
  const std::string all[] = {"\t<!DOCTYPE HTML>",
                             std::string{"\0\0\0\x18"
                                         "ftypisom\0\0\0\0avc1mp41"sv},
                             "RIFF\1\2\3\4WEBPVP8", std::string(34, 'x') + "LP", "<?xml"};
  for (const std::string& s : all)
    for (size_t n = 0; n <= s.size(); ++n) {
      const std::string exact = s.substr(0, n);
      EXPECT_FALSE(sniff_content_type(exact).empty());
    }
}

}  // namespace
}  // namespace sluice::http
