// "output_encoding": "csv": answers as comma-separated values (RFC 4180).
//
// A list of objects becomes a table: one record per object, one column per member name, in the order in which names appear
// first. The list is the answer itself if that is a list, else its one member that is a list (such as "collection"); an answer
// without a list is a table of one record.
//
// What to look at: an encoder gets a document and asks it questions; it does not know whether the text behind came as JSON, XML
// or from a script. It writes into memory of the request, so nothing has to be freed.
#include <algorithm>

#include <sluice/plugin.hpp>

namespace {

using sluice::Value;

// A bound on the work one answer can cause: columns are looked for in a list.
constexpr size_t kMostColumns = 1000;

class Csv {
 public:
  static constexpr auto name = "csv";
  static constexpr auto content_type = "text/csv; charset=utf-8";

  sluice::Status encode(sluice::Exchange x, Value data) const {
    const Value list = list_of(data);
    std::vector<std::string_view> columns;
    if (!each_record(list, data, [&](Value record) { return add_columns(record, columns); })) {
      x.log(sluice::Level::error, "csv: more than ", kMostColumns, " columns");
      return {SLC_ELIMIT};
    }
    std::string out;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out += ',';
      append_field(out, columns[i]);
    }
    if (!columns.empty()) out += "\r\n";
    each_record(list, data, [&](Value record) {
      append_record(out, record, columns);
      return true;
    });
    return x.append_body(out);
  }

 private:
  static Value list_of(Value data) {
    if (data.is_array()) return data;
    Value found;
    size_t lists = 0;
    if (data.is_object()) {
      data.each([&](std::string_view, Value member) {
        if (!member.is_array()) return;
        found = member;
        ++lists;
      });
    }
    return lists == 1 ? found : Value{};  // of several none is the table
  }

  // use(record) for each; false as soon as it answers false.
  template <class F>
  static bool each_record(Value list, Value data, F&& use) {
    if (!list.present()) return !data.present() || data.is_null() || use(data);
    for (uint32_t i = 0, n = list.size(); i < n; ++i) {
      if (!use(list.at(i))) return false;
    }
    return true;
  }

  // Names are views into the document, which stays as it is while it is encoded.
  static bool add_columns(Value record, std::vector<std::string_view>& columns) {
    const auto add = [&](std::string_view key) {
      if (std::find(columns.begin(), columns.end(), key) == columns.end()) columns.push_back(key);
    };
    if (record.is_object()) record.each([&](std::string_view key, Value) { add(key); });
    else add("value");  // a list of plain values has one column
    return columns.size() <= kMostColumns;
  }

  static void append_record(std::string& out, Value record, const std::vector<std::string_view>& columns) {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out += ',';
      if (record.is_object()) append_value(out, record[columns[i]]);
      else if (columns[i] == "value") append_value(out, record);
    }
    out += "\r\n";
  }

  // Absent and null: an empty field. Lists and objects: their JSON, as there is no other way to put them into one field.
  static void append_value(std::string& out, Value v) {
    if (v.is_null()) return;
    if (v.is_string()) return append_field(out, v.text());
    if (v.is_number()) return void(out.append(v.text()));  // as the backend wrote it: 1.10 stays 1.10
    std::string json;
    sluice::append_json(json, v);
    append_field(out, json);
  }

  // RFC 4180 §2: fields with commas, quotes or line breaks stand in quotes, and a quote within is doubled.
  static void append_field(std::string& out, std::string_view text) {
    if (text.find_first_of(",\"\r\n") == text.npos) return void(out.append(text));
    out += '"';
    for (const char c : text) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }
};

}  // namespace

SLC_PLUGIN("example.csv-encoder", "1.0.0", Csv)
