#include "core/plugin/metrics_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <limits>

namespace sluice::plugin::metrics {
namespace {

class MetricsTextTest : public ::testing::Test {
 protected:
  Snapshot& add(Kind kind, std::string plugin, std::string name, std::string help = {}) {
    Definition& d = definitions_.emplace_back();
    d.kind = kind, d.plugin = std::move(plugin), d.name = std::move(name), d.help = std::move(help);
    Snapshot& s = all_.emplace_back();
    s.definition = &d;
    return s;
  }
  Definition& last() { return definitions_.back(); }
  std::string text() const { return to_text(std::vector<Snapshot>{all_.begin(), all_.end()}); }

 private:
  std::deque<Definition> definitions_;
  std::deque<Snapshot> all_;
};

TEST_F(MetricsTextTest, ACounterHasItsHelpItsTypeAndThePluginAsLabel) {
  add(Kind::counter, "acme.x", "refused_total", "Requests without a key").value = 7;
  add(Kind::gauge, "", "sluice_workers").value = -2;
  EXPECT_EQ(text(),
            "# HELP refused_total Requests without a key\n"
            "# TYPE refused_total counter\n"
            "refused_total{plugin=\"acme.x\"} 7\n"
            "# TYPE sluice_workers gauge\n"
            "sluice_workers -2\n");
  EXPECT_EQ(to_text({}), "");
}

TEST_F(MetricsTextTest, HelpAndLabelsAreEscapedEachByItsRules) {
  add(Kind::counter, "", "c", "a \"b\" \\ c\nd").labels = {{"place", "[ENDPOINT: /\"x\"\\]\n"}, {"hook", "on_request"}};
  EXPECT_EQ(text(),
            "# HELP c a \"b\" \\\\ c\\nd\n"
            "# TYPE c counter\n"
            "c{place=\"[ENDPOINT: /\\\"x\\\"\\\\]\\n\",hook=\"on_request\"} 0\n");
}

TEST_F(MetricsTextTest, WhatIsNoUtf8BecomesTheReplacementCharacter) {
  add(Kind::counter, "", "c").labels = {{"good", "é€😀"}, {"bad", "a\xff" "b\xc3(\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82"}};
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(text(), "# TYPE c counter\nc{good=\"é€😀\",bad=\"a" + r + "b" + r + "(" + r + r + r + r + r + r + r + r + r + "\"} 0\n");
}

TEST_F(MetricsTextTest, AHistogramCountsUpToEachBoundAndHasSumAndCount) {
  Snapshot& s = add(Kind::histogram, "acme.x", "sizes", "Sizes");
  last().bounds = {0.5, 1, 2.5e6};
  s.buckets = {3, 0, 2, 4}, s.value = 9, s.sum = 12.25;
  EXPECT_EQ(text(),
            "# HELP sizes Sizes\n"
            "# TYPE sizes histogram\n"
            "sizes_bucket{plugin=\"acme.x\",le=\"0.5\"} 3\n"
            "sizes_bucket{plugin=\"acme.x\",le=\"1\"} 3\n"
            "sizes_bucket{plugin=\"acme.x\",le=\"2500000\"} 5\n"
            "sizes_bucket{plugin=\"acme.x\",le=\"+Inf\"} 9\n"
            "sizes_sum{plugin=\"acme.x\"} 12.25\n"
            "sizes_count{plugin=\"acme.x\"} 9\n");
}

TEST_F(MetricsTextTest, AHistogramWithoutBoundsOrLabelsIsWhole) {
  Snapshot& s = add(Kind::histogram, "", "h");
  s.buckets = {2}, s.value = 2, s.sum = std::numeric_limits<double>::infinity();
  EXPECT_EQ(text(), "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum +Inf\nh_count 2\n");
}

TEST_F(MetricsTextTest, FiguresAreMultipliedWithTheirScale) {
  add(Kind::counter, "", "t_seconds_total").value = 1'500'000'000;
  last().scale = 1e-9;
  add(Kind::gauge, "", "u_seconds").value = 67'781;
  last().scale = 1e-9;
  EXPECT_EQ(text(), "# TYPE t_seconds_total counter\nt_seconds_total 1.5\n# TYPE u_seconds gauge\nu_seconds 6.7781e-05\n");
}

TEST_F(MetricsTextTest, SamplesOfOneNameStandTogetherUnderOneType) {
  add(Kind::counter, "a", "hits_total", "Hits").value = 1;
  add(Kind::gauge, "a", "inside").value = 2;
  add(Kind::counter, "b", "hits_total", "Other words").value = 3;
  EXPECT_EQ(text(),
            "# HELP hits_total Hits\n"
            "# TYPE hits_total counter\n"
            "hits_total{plugin=\"a\"} 1\n"
            "hits_total{plugin=\"b\"} 3\n"
            "# TYPE inside gauge\n"
            "inside{plugin=\"a\"} 2\n");
}

TEST_F(MetricsTextTest, NamesHaveOnlyCharactersThatTheFormatKnows) {
  add(Kind::counter, "", "a.b-c d/é:x");
  add(Kind::counter, "", "2nd");
  EXPECT_EQ(text(), "# TYPE a_b_c_d____x counter\na_b_c_d____x 0\n# TYPE _2nd counter\n_2nd 0\n");
}

TEST_F(MetricsTextTest, ANameThatIsTakenGetsItsKindBehindIt) {
  add(Kind::counter, "a", "x");
  add(Kind::gauge, "b", "x");      // another kind
  add(Kind::counter, "c", "y.z");
  add(Kind::counter, "c", "y_z");  // would be the same sample twice
  add(Kind::counter, "a", "h_sum");
  add(Kind::histogram, "a", "h").buckets = {0};  // has an h_sum of its own
  add(Kind::histogram, "a", "i").buckets = {0};
  add(Kind::counter, "a", "i_count");
  EXPECT_EQ(text(),
            "# TYPE x counter\nx{plugin=\"a\"} 0\n"
            "# TYPE x_gauge gauge\nx_gauge{plugin=\"b\"} 0\n"
            "# TYPE y_z counter\ny_z{plugin=\"c\"} 0\n"
            "# TYPE y_z_counter counter\ny_z_counter{plugin=\"c\"} 0\n"
            "# TYPE h_sum counter\nh_sum{plugin=\"a\"} 0\n"
            "# TYPE h_histogram histogram\nh_histogram_bucket{plugin=\"a\",le=\"+Inf\"} 0\nh_histogram_sum{plugin=\"a\"} 0\nh_histogram_count{plugin=\"a\"} 0\n"
            "# TYPE i histogram\ni_bucket{plugin=\"a\",le=\"+Inf\"} 0\ni_sum{plugin=\"a\"} 0\ni_count{plugin=\"a\"} 0\n"
            "# TYPE i_count_counter counter\ni_count_counter{plugin=\"a\"} 0\n");
}

}  // namespace
}  // namespace sluice::plugin::metrics
