// The client's stream as an exchange sees it whose answer is to be accounted for: requests pass, the answer is collected, and
// what goes to the client is the account with the answer in it. Lives in the stream's arena, from the head to release().
#pragma once
#include "core/http/server.h"
#include "core/pipeline/account.h"

namespace sluice::pipeline {

// Looks at the request's header. Without one: `stream` itself. With one: a stream in its place, and in *account what the exchange
// is to fill, or null when the header does not grant it (the client is told why in the answer's header of the same name). The
// header never goes on to hooks and backends. The generation has `explain`.
http::Stream& account_stream(const config::Explain&, http::Stream&, Account** account);

}  // namespace sluice::pipeline
