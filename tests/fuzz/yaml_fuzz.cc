// Bytes as a backend's yaml body: what is refused has a reason, what is accepted is a document.
#include "plugins/yaml/decode.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/support/document_host.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  std::string_view body{reinterpret_cast<const char*>(data), size};
  BlockPool pool;
  for (bool collection : {false, true}) {
    Arena arena{pool};
    slc_builder target{document::Builder{arena, nullptr}};
    Builder out{&target, &document_host::kDocument};
    std::string why;
    document::Node root;
    bool ok = yaml::decode(body, collection, out, &why);
    if (ok ? !target.build.finish(&root) : why.empty()) std::abort();
    if (ok) document::to_json(arena, root);
  }
  return 0;
}
