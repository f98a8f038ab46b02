set(SLC_HTTP_CLIENT_SOURCES client.cc client_connection.cc client_dial.cc client_tunnel.cc client_h2.cc client_h2_frames.cc client_h2_pool.cc client_h2_carrier.cc proxy.cc client_origin.cc response_codec.cc dns.cc dns_services.cc
  tls_context.cc tls_stream.cc gzip.cc)
