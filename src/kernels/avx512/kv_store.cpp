#include "kernels/vec/kv_store.h"

#include "kernels/avx512/kernels_avx512.h"

namespace slip {

void kv_store_avx512(const KvStoreArgs* args) {
  kv_store_16(*args);
}

}  // namespace slip
