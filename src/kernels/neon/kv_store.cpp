#include "kernels/vec/kv_store.h"

#include "kernels/neon/kernels_neon.h"

namespace slip {

void kv_store_neon(const KvStoreArgs* args) {
  kv_store_16(*args);
}

}  // namespace slip
