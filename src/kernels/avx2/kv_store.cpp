#include "kernels/vec/kv_store.h"

#include "kernels/avx2/kernels_avx2.h"

namespace slip {

void kv_store_avx2(const KvStoreArgs* args) {
  kv_store_16(*args);
}

}  // namespace slip
