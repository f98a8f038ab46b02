// The language of templates. template_cases.json has what Go itself makes of each template.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>

#include "core/config/formats.h"
#include "tests/unit/config/template_support.h"

namespace sluice::config::tmpl {
namespace {

boost::json::value recorded() {
  std::string why;
  auto text = read_whole((std::filesystem::path{__FILE__}.parent_path() / "template_cases.json").string(), &why);
  SyntaxFault fault;
  return text ? parse_json(*text, fault).value_or(nullptr) : nullptr;
}

TEST(TemplateTest, TemplatesGiveWhatGoGives) {
  const boost::json::value all = recorded();
  ASSERT_TRUE(all.is_object());
  const std::string data = boost::json::serialize(all.at("data"));
  size_t seen = 0;
  for (const auto& c : all.at("cases").as_array()) {
    const std::string text{c.at("template").as_string()};
    Outcome out;
    render_into(out, text, data);
    ++seen;
    if (c.as_object().contains("fails")) {
      EXPECT_NE(out.error, "") << text << " gives " << out.text;
    } else {
      EXPECT_EQ(out.error, "") << text << " at " << out.at;
      EXPECT_EQ(out.text, c.at("gives").as_string()) << text;
    }
  }
  EXPECT_GT(seen, 150u);
}

TEST(TemplateTest, EveryBeginningOfATemplateIsReadOrRefusedInsideOfIt) {
  const boost::json::value all = recorded();
  const std::string data = boost::json::serialize(all.at("data"));
  for (const auto& c : all.at("cases").as_array()) {
    const std::string text{c.at("template").as_string()};
    for (size_t n = 0; n < text.size(); ++n) {
      Outcome out;
      render_into(out, text.substr(0, n), data);
    }
  }
}

struct Wrong {
  const char *text, *at, *message;
};

TEST(TemplateTest, WhatIsWrongIsSaidWithItsPlaceAndARemedy) {
  const Wrong cases[] = {
      {"a\nb {{ uper .s }}", "2:6", "no function \"uper\" (did you mean \"upper\"?)"},
      {"{{ genCA \"x\" 5 }}", "1:4", "no function \"genCA\", on purpose: it makes a new key each time"},
      {"{{ $port := 1 }}\n{{ $prt }}", "2:4", "no variable $prt here (did you mean $port?); one is made with {{$prt := …}}"},
      {"{{ if true }}\nx", "1:4", "the {{if}} that begins here is not closed with {{end}}"},
      {"x {{ end }}", "1:6", "{{end}} without a block that it belongs to"},
      {"{{ \"abc }}", "1:4", "the text that begins here is not closed on its line"},
      {"{{ .a", "1:1", "the action that begins here is not closed with }}"},
      {"{{ upper .n }}", "1:10", "upper takes a text as argument 1, found the number 5 (float64); (toString …) makes a text of it"},
      {"{{ repeat .n \"x\" }}", "1:11", "repeat takes a whole number as argument 1, found the number 5 (float64); numbers of the settings are floats: (int …)"},
      {"{{ eq .n 5 }}", "1:4",
       "eq: cannot compare the number 5 (float64) with the number 5 (int): numbers of the settings are floats; write 1.0 instead of 1, or (int …)"},
      {"{{ replace \"a\" \"b\" }}", "1:4", "replace takes 3 arguments, here are 2"},
      {"{{ index .l 7 }}", "1:4", "index: index 7 is outside of a list of 2"},
      {"{{ template \"x\" . }}", "1:4", "no template \"x\"; templates are the *.tmpl files in FC_TEMPLATES"},
      {"{{define \"one\"}}{{end}}{{ template \"ome\" . }}", "1:27", "no template \"ome\" (did you mean \"one\"?)"},
      {"{{ .n.x }}", "1:4", "there is no field .x in the number 5 (float64)"},
      {"{{ \"no function\" .n }}", "1:4", "only functions take arguments"},
      {"{{ fail \"the port is missing\" }}", "1:4", "fail: the port is missing"},
      {"{{ break }}", "1:4", "{{break}} outside of a {{range}}"},
      {"{{ .n | 5 }}", "1:9", "must be a function"},
      {"{{ regexMatch \"(\" \"x\" }}", "1:4", "regexMatch: the expression \"(\" is refused: missing )"},
      {"{{ b64dec \"!\" }}", "1:4", "b64dec: the text \"!\" is no base 64"},
      {"{{ semverCompare \">=x y\" \"1.2.3\" }}", "1:4", "is no rule for versions"},
      {"{{ fromJson \"{,\" }}", "1:4", "fromJson: line 1, column 2 of the text"},
      {"{{ include \"x\" }}", "1:4", "include: x cannot be opened"},
      {"{{ div 1 0 }}", "1:4", "div: division by zero"},
      {"{{ dateInZone \"15\" now \"Mars\" }}", "1:4", "the zone \"Mars\" is not known"},
  };
  for (const Wrong& c : cases) {
    Outcome out;
    render_into(out, c.text, R"({"n": 5, "l": [1, 2]})");
    EXPECT_EQ(out.at, c.at) << c.text << ": " << out.error;
    EXPECT_NE(out.error.find(c.message), std::string::npos) << c.text << "\n  " << out.error;
  }
}

TEST(TemplateTest, WhatPrintsNothingIsRemarked) {
  Outcome out;
  render_into(out, "{{ .a.b }}{{ .a }}", "{}");
  EXPECT_EQ(out.text, "<no value><no value>");
  EXPECT_EQ(out.remarks.size(), 2u);
}

TEST(TemplateTest, EnvironmentVariablesAreRead) {
  Outcome out;
  render_into(out, R"({{ env "A" }}{{ env "NONE" }}|{{ expandenv "$A-${A}-$NONE-$" }})", "{}", {{"A", "x"}});
  EXPECT_EQ(out.text, "x|x-x--$");
}

TEST(TemplateTest, RandomFunctionsKeepToTheirForm) {
  Outcome out;
  render_into(
      out, R"({{ len (randAlphaNum 7) }} {{ regexMatch "^[0-9]{5}$" (randNumeric 5) }} {{ regexMatch "^[a-zA-Z]{5}$" (randAlpha 5) }} {{ len (randAscii 4) }} )"
           R"({{ len (randBytes 5 | b64dec) }} {{ $n := randInt 3 5 }}{{ and (ge $n 3) (lt $n 5) }} {{ len (shuffle "abc") }} )"
           R"({{ regexMatch "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$" uuidv4 }})");
  EXPECT_EQ(out.error, "");
  EXPECT_EQ(out.text, "7 true true 4 5 true 3 true");
}

// Nothing that a template does takes the memory, the stack or the time away.
TEST(TemplateTest, WhatIsEndlessOrTooLargeIsRefused) {
  const Wrong cases[] = {
      {R"({{define "r"}}{{template "r" .}}{{end}}{{template "r" .}})", "", "levels deep: does a template call itself without end?"},
      {"{{range 1000000000}}{{end}}", "", "takes more than 3000000 steps"},
      {"{{ repeat 1000000000 \"x\" }}", "", "would be too large"},
      {"{{ until 1000000000 }}", "", "would be too long"},
      {"{{ seq 1 1000000000 }}", "", "would be too long"},
      {"{{ $x := \"aaaaaaaaaaaaaaaa\" }}{{ range 100 }}{{ $x = cat $x $x }}{{ end }}", "", "MiB of values"},
      {"{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toJson $d }}", "", "endless"},
      {"{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ deepCopy $d }}", "", "endless"},
      {"{{ indent 1000000000 \"x\" }}", "", "too large"},
      {"{{ randAlpha 100000000 }}", "", "a length from 0 to 1048576"},
  };
  for (const Wrong& c : cases) {
    Outcome out;
    render_into(out, c.text);
    EXPECT_NE(out.error.find(c.message), std::string::npos) << c.text << "\n  " << out.error;
  }
  Outcome endless;
  render_into(endless, "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ $d }}");
  EXPECT_EQ(endless.error, "");
  EXPECT_NE(endless.text.find("…"), std::string::npos);
}

TEST(TemplateTest, BlocksAndParenthesesAreNestedWithABound) {
  std::string ifs, ends, open(200, '('), close(200, ')');
  for (int i = 0; i < 200; ++i) ifs += "{{if true}}", ends += "{{end}}";
  for (const std::string& text : {ifs + "x" + ends, "{{" + open + "1" + close + "}}"}) {
    Outcome out;
    render_into(out, text);
    EXPECT_NE(out.error.find("nested deeper than 100"), std::string::npos) << out.error;
  }
}

TEST(TemplateTest, EveryFunctionOfThePageIsThereOrRefusedWithAReason) {
  // cli.md §8.1.
  const std::string names =
      "abbrev abbrevboth add add1 add1f addf adler32sum ago all any append atoi b32dec b32enc b64dec b64enc base biggest "
      "camelcase cat ceil chunk clean coalesce compact concat contains date date_in_zone date_modify dateInZone dateModify "
      "deepCopy deepEqual default dict dig dir div divf duration durationRound empty env expandenv ext fail first float64 floor "
      "fromJson get has hasKey hasPrefix hasSuffix hello htmlDate htmlDateInZone indent initial initials int int64 isAbs join "
      "kebabcase keys kindIs kindOf last list lower max maxf merge mergeOverwrite min minf mod mul mulf must_date_modify "
      "mustAppend mustChunk mustCompact mustDateModify mustDeepCopy mustFirst mustFromJson mustHas mustInitial mustLast "
      "mustMerge mustMergeOverwrite mustPrepend mustPush mustRegexFind mustRegexFindAll mustRegexMatch mustRegexReplaceAll "
      "mustRegexReplaceAllLiteral mustRegexSplit mustRest mustReverse mustSlice mustToDate mustToJson mustToPrettyJson "
      "mustToRawJson mustUniq mustWithout nindent nospace now omit osBase osClean osDir osExt osIsAbs pick pluck plural prepend "
      "push quote randAlpha randAlphaNum randAscii randBytes randInt randNumeric regexFind regexFindAll regexMatch "
      "regexQuoteMeta regexReplaceAll regexReplaceAllLiteral regexSplit repeat replace rest reverse round semver semverCompare "
      "seq set sha1sum sha256sum shuffle slice snakecase sortAlpha split splitList splitn squote sub subf substr swapcase "
      "ternary title toDate toDecimal toJson toPrettyJson toRawJson toString toStrings trim trimAll trimall trimPrefix "
      "trimSuffix trunc tuple typeIs typeIsLike typeOf uniq unixEpoch unset until untilStep untitle upper urlJoin urlParse "
      "uuidv4 values without wrap wrapWith marshal include and or not eq ne lt le gt ge len index slice print printf println "
      "html js urlquery ";
  for (size_t at = 0; at < names.size();) {
    size_t end = names.find(' ', at);
    EXPECT_EQ(unknown_function(names.substr(at, end - at)), std::nullopt) << names.substr(at, end - at);
    at = end + 1;
  }
  for (const char* name : {"bcrypt", "buildCustomCert", "decryptAES", "derivePassword", "encryptAES", "genCA", "genPrivateKey", "genSignedCert",
                           "getHostByName", "htpasswd", "call"})
    EXPECT_NE(unknown_function(name).value_or("").find(", on purpose: "), std::string::npos) << name;
}

}  // namespace
}  // namespace sluice::config::tmpl
