# The server side of the room; included by CMakeLists.txt beside the client's list.
set(SLC_HTTP_SERVER_SOURCES request_codec.cc response_writer.cc server_wire.cc server_stream.cc server_connection.cc
  server_core.cc listen_socket.cc server.cc tls_server.cc tls_wire.cc tls_parts.cc
  input_buffer.cc http2_connection.cc http2_frames.cc http2_stream.cc)
