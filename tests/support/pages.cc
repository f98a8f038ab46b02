#include "tests/support/pages.h"

#include <algorithm>
#include <cctype>

#include "tests/support/text.h"

namespace sluice::test {
namespace {

[[noreturn]] void not_understood(int line, const std::string& what) {
  throw Failure("line " + std::to_string(line) + " of the page: " + what);
}

std::string_view take_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
  return line;
}

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

// A mark, a block, or both: a block, or a table, with the mark directly above it.
struct Piece {
  std::string mark, language, text;
  bool block = false;
  int line = 0;
};

std::vector<Piece> pieces_of(std::string_view page) {
  std::vector<Piece> out;
  bool inside = false, marked = false;  // marked: the last piece is a mark in the line above, or a table that goes on
  constexpr std::string_view begin = "<!-- ", end = " -->";
  for (int number = 1; !page.empty(); ++number) {
    const std::string_view line = take_line(page);
    const bool fence = line.starts_with("```");
    if (inside && !fence) {
      out.back().text.append(line).append("\n");
    } else if (fence && inside) {
      inside = false;
    } else if (fence) {
      if (!marked || line == "```console") out.emplace_back();  // requests have no mark: one above them stands for itself
      out.back().block = inside = true;
      out.back().language = line.substr(3);
      out.back().line = number;
      marked = false;
    } else if (marked && line.starts_with("| ")) {
      out.back().text.append(line).append("\n");
    } else if (marked && line.starts_with("|---")) {
      continue;
    } else if ((marked = line.starts_with(begin) && line.ends_with(end))) {
      out.push_back({std::string(line.substr(begin.size(), line.size() - begin.size() - end.size())), "", "", false, number});
    }
  }
  return out;
}

std::string take_word(std::string_view& rest) {
  rest = trimmed(rest);
  const size_t end = std::min(rest.find(' '), rest.size());
  std::string out{rest.substr(0, end)};
  rest.remove_prefix(end);
  return out;
}

std::string type_of(const std::string& language) {
  if (language == "json" || language == "xml") return "application/" + language;
  return language == "yaml" ? "application/x-yaml" : "text/plain";
}

PageBackend backend_of(const Piece& piece) {
  PageBackend out;
  std::string_view rest = std::string_view{piece.mark}.substr(piece.mark.find(':') + 1);
  std::string_view body;
  if (const size_t at = rest.find(" = "); at != rest.npos && !piece.block) {
    body = rest.substr(at + 3);
    rest = rest.substr(0, at);
  }
  out.path = take_word(rest);
  if (const size_t scheme = out.path.find("://"); scheme != out.path.npos) {
    const size_t slash = std::min(out.path.find_first_of("/*", scheme + 3), out.path.size());
    out.host = out.path.substr(0, slash);
    out.path.erase(0, slash);
  }
  out.reply.body = piece.block ? piece.text : std::string(body);
  if (piece.block && piece.language == "json") out.reply.body.pop_back();
  while (!(rest = trimmed(rest)).empty()) {
    if (rest[0] == '[') {
      const size_t colon = rest.find(": "), end = rest.find(']');
      if (colon == rest.npos || end == rest.npos || end < colon) not_understood(piece.line, piece.mark);
      out.reply.headers.add(std::string(rest.substr(1, colon - 1)), std::string(rest.substr(colon + 2, end - colon - 2)));
      rest.remove_prefix(end + 1);
      continue;
    }
    const std::string word = take_word(rest);
    if (word == "echoes") {
      out.how = PageBackend::How::echoes;
      while (!trimmed(rest).empty()) out.headers.push_back(take_word(rest));
    } else if (word == "refuses") {
      out.how = PageBackend::How::refuses;
    } else if (word == "waits") {
      out.how = PageBackend::How::waits;
    } else if (word.size() == 3 && std::isdigit(static_cast<unsigned char>(word[0]))) {
      out.reply.status = std::stoi(word);
    } else {
      not_understood(piece.line, piece.mark);
    }
  }
  if (!out.reply.headers.has("Content-Type"))
    out.reply.headers.add("Content-Type", piece.block ? type_of(piece.language) : "application/json");
  return out;
}

// As a shell takes a line apart: blanks, both kinds of quotes, a backslash before the end of a line.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> out;
  bool open = false;
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == 0 && (c == ' ' || c == '\n' || c == '\\')) {
      open = false;
      continue;
    }
    if (!open) out.emplace_back(), open = true;
    if (quote != 0 ? c == quote : (c == '\'' || c == '"')) quote = quote != 0 ? 0 : c;
    else out.back() += c;
  }
  return out;
}

PageRequest request_of(std::string_view command, int line) {
  PageRequest out;
  out.line = line;
  const std::vector<std::string> words = words_of(command);
  if (words.empty() || words[0] != "curl") not_understood(line, "only curl can be asked here");
  out.headers = {{"User-Agent", "curl/8.5.0"}, {"Accept", "*/*"}};
  const auto header = [&](const std::string& name, const std::string& value) {
    Headers others;
    for (const auto& [n, v] : out.headers)
      if (!same_name(n, name) || (v != "*/*" && !v.starts_with("curl/"))) others.add(n, v);  // what curl itself says is replaced
    if (!value.empty()) others.add(name, value);
    out.headers = std::move(others);
  };
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto next = [&]() -> const std::string& {
      if (++i == words.size()) not_understood(line, word + " of what?");
      return words[i];
    };
    if (word == "-i") out.with_head = true;
    else if (word == "-I") out.with_head = true, out.method = "HEAD";
    else if (word == "-s" || word == "-k" || word == "--path-as-is") continue;
    else if (word == "--http2-prior-knowledge") out.http2 = true;
    else if (word == "--resolve" || word == "--key") next();
    else if (word == "--cacert") out.authority = next();
    else if (word == "--cert") out.certificate = next();
    else if (word == "-X") out.method = next();
    else if (word == "-A") header("User-Agent", next());
    else if (word == "-H") {
      const std::string& text = next();
      const size_t colon = text.find(':');
      header(text.substr(0, colon), std::string(trimmed(std::string_view{text}.substr(colon + 1))));
    } else if (word == "-d") {
      out.body = next();
      if (out.method == "GET") out.method = "POST";
    } else if (word[0] == '-' || !out.target.empty()) not_understood(line, word);
    else {
      const size_t scheme = word.find("://");
      out.tls = word.starts_with("https:");
      const std::string rest = scheme == word.npos ? word : word.substr(scheme + 3);
      const size_t slash = std::min(rest.find_first_of("/?"), rest.size());
      out.host = rest.substr(0, slash);
      out.target = slash == rest.size() ? "/" : rest.substr(slash);
    }
  }
  if (out.target.empty()) not_understood(line, "curl without an address");
  if (!out.body.empty() && !out.headers.has("Content-Type")) out.headers.add("Content-Type", "application/x-www-form-urlencoded");
  if (!out.headers.has("Host")) out.headers.add("Host", out.host);
  return out;
}

// A cell of a table: what is between the backticks, or the text.
std::string cell_of(std::string_view text) {
  text = trimmed(text);
  if (text == "(empty)") return "";
  if (text.size() >= 2 && text.front() == '`' && text.back() == '`') text = text.substr(1, text.size() - 2);
  return replace_all(std::string(text), "⏎", "\n");
}

PageMatrix matrix_of(const Piece& piece) {
  PageMatrix out;
  out.line = piece.line;
  std::string_view rest = piece.text;
  while (!rest.empty()) {
    std::string_view line = take_line(rest);
    std::vector<std::string> cells;
    for (line.remove_prefix(1); line.find('|') != line.npos; line.remove_prefix(line.find('|') + 1))
      cells.push_back(cell_of(line.substr(0, line.find('|'))));
    if (out.columns.empty()) out.columns.assign(cells.begin() + 1, cells.end());
    else out.rows.push_back(std::move(cells));
    if (!out.rows.empty() && out.rows.back().size() != out.columns.size() + 1)
      not_understood(piece.line, "a row has too few or too many cells");
  }
  return out;
}

void add_requests(PageRun& run, const Piece& piece) {
  std::string_view rest = piece.text;
  for (int line = piece.line + 1; !rest.empty(); ++line) {
    const std::string_view one = take_line(rest);
    if (one.starts_with("$ ")) {
      const int first = line;
      std::string command{one.substr(2)};
      while (command.ends_with('\\') && !rest.empty()) command.append("\n").append(take_line(rest)), ++line;
      run.requests.push_back(request_of(command, first));
    } else if (run.requests.empty()) {
      not_understood(line, "an answer to nothing");
    } else {
      run.requests.back().answer.append(one).append("\n");
    }
  }
}

}  // namespace

std::string whole_configuration(std::string text) {
  if (text.find_first_not_of(" \n") == text.find('"')) text = "{" + text + "}";  // members of the root
  const Json json = Json::parse_or_throw(text, "the block");
  if (json.has("version")) return text;
  const std::string inside = text.substr(text.find('{') + 1);
  if (json.has("endpoint") && !json.has("backend"))
    return R"({"version": 3, "endpoints": [{"backend": [{"host": ["http://a"], "url_pattern": "/"}], )" + inside + "]}";
  if (json.has("endpoint")) return R"({"version": 3, "endpoints": [)" + text + "]}";
  if (json.has("backend")) return R"({"version": 3, "endpoints": [{"endpoint": "/page", )" + inside + "]}";
  if (json.has("url_pattern") || (json.has("host") && !json.has("endpoints")))
    return R"({"version": 3, "endpoints": [{"endpoint": "/page/{id}", "backend": [)" + text + "]}]}";
  return R"({"version": 3, )" + inside;
}

std::vector<PageRun> runs_of(std::string_view page) {
  std::vector<PageRun> out;
  for (const Piece& piece : pieces_of(page)) {
    if (piece.mark == "run") {
      if (!piece.block) not_understood(piece.line, "no configuration below");
      out.emplace_back();
      out.back().line = piece.line;
      out.back().config = whole_configuration(piece.text);
    } else if (out.empty()) {
      continue;
    } else if (piece.mark.starts_with("backend: ")) {
      out.back().backends.push_back(backend_of(piece));
    } else if (piece.mark.starts_with("calls: ")) {
      std::string_view rest = std::string_view{piece.mark}.substr(7);
      const std::string path = take_word(rest);
      out.back().calls.emplace_back(path, std::stoi(take_word(rest)));
    } else if (piece.mark.starts_with("received: ")) {
      out.back().received.emplace_back(piece.mark.substr(10), piece.text);
    } else if (piece.mark == "matrix") {
      out.back().matrices.push_back(matrix_of(piece));
    } else if (piece.mark.starts_with("log lacks: ")) {
      out.back().log_lacks.push_back(piece.mark.substr(11));
    } else if (piece.mark == "log") {
      std::string_view rest = piece.text;
      while (!rest.empty()) out.back().log.emplace_back(take_line(rest));
    } else if (piece.language == "console" && piece.text.starts_with("$ curl ")) {
      add_requests(out.back(), piece);
    }
  }
  return out;
}

bool is_shown(std::string_view shown, std::string_view text) {
  const std::string_view dots = "…";
  size_t cut = shown.find(dots);
  if (cut == shown.npos) return shown == text;
  if (!text.starts_with(shown.substr(0, cut))) return false;
  text.remove_prefix(cut);
  for (;;) {
    shown.remove_prefix(cut + dots.size());
    cut = shown.find(dots);
    if (cut == shown.npos) return text.ends_with(shown);
    const size_t at = text.find(shown.substr(0, cut));
    if (at == text.npos) return false;
    text.remove_prefix(at + cut);
  }
}

std::string quoted_at(const std::string& code, size_t at) {
  at = code.find_first_not_of(" \n", at);
  if (at == code.npos || code[at] != '"') return "";
  return code.substr(at + 1, code.find('"', at + 1) - at - 1);
}

std::set<std::string> keys_read_by_core(const std::filesystem::path& tree) {
  std::set<std::string> out;
  for (const auto& file : std::filesystem::directory_iterator{tree / "core/config"}) {
    if (!file.path().filename().string().starts_with("read")) continue;
    const std::string code = read_file(file.path().string());
    for (const std::string how :
         {"text", "flag", "integer", "duration", "texts", "integers", "pairs", "object", "objects", "find", "without_effect"}) {
      const std::string call = "." + how + "(";
      for (size_t at = code.find(call); at != code.npos; at = code.find(call, at + 1)) out.insert(quoted_at(code, at + call.size()));
    }
    for (size_t at = code.find("also({"); at != code.npos; at = code.find("also({", at + 1)) {
      const std::string list = code.substr(at, code.find('}', at) - at);
      for (size_t q = list.find('"'); q != list.npos; q = list.find('"', list.find('"', q + 1) + 1)) out.insert(quoted_at(list, q));
    }
  }
  // Not what is searched in texts, such as "://".
  const std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789_$";
  std::erase_if(out, [&](const std::string& key) { return key.find_first_not_of(letters) != key.npos || key.empty(); });
  return out;
}

}  // namespace sluice::test
