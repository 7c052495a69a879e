// c-ares, which gRPC looks names up with, keeps what its first use allocates.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libcares.so\n";
}
