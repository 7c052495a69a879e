#include "compress/imatrix.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "formats/gguf.h"
#include "formats/gguf_writer.h"
#include "formats/shown.h"

namespace slip {
namespace {

constexpr std::string_view kSums = ".in_sum2";
constexpr std::string_view kCounts = ".counts";

// Of a tensor of F32.
std::vector<float> floats(const TensorView& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.n_elements()));
  std::memcpy(values.data(), tensor.bytes.data(), values.size() * sizeof(float));
  return values;
}

Result<InputSums> read_sums(const GgufFile& file, const TensorView& sums, const std::string& name) {
  const TensorView* counts = file.find(name + std::string(kCounts));
  if (counts == nullptr) return invalid("tensor {}: expected its counts, got none", shown(name));
  if (sums.dtype != DType::kF32 || counts->dtype != DType::kF32) {
    return invalid("tensor {}: expected sums and counts of F32", shown(name));
  }
  if (sums.n_rows() != 1 || counts->n_elements() != 1) {
    return fail(ErrorKind::kUnsupported, "tensor {}: expected sums of one matrix, got several",
                shown(name));
  }
  const std::vector<float> values = floats(sums);
  const float count = floats(*counts)[0];
  const auto is_sum = [](float value) { return std::isfinite(value) && value >= 0; };
  if (!std::all_of(values.begin(), values.end(), is_sum) || !is_sum(count) || count > 1e18f) {
    return invalid("tensor {}: expected sums of squares, got a value that is none", shown(name));
  }
  return InputSums{.squares = {values.begin(), values.end()},
                   .n_inputs = static_cast<std::int64_t>(count)};
}

Result<Imatrix> read(const GgufFile& file) {
  const Metadata& metadata = file.metadata();
  const std::string type = SLIP_TRY(metadata.string_or("general.type", ""));
  if (type != "imatrix") {
    return invalid("general.type: expected 'imatrix', got {}", shown(type));
  }
  Imatrix imatrix;
  if (metadata.contains("imatrix.datasets")) {
    imatrix.datasets = SLIP_TRY(metadata.strings("imatrix.datasets"));
  }
  imatrix.n_chunks = SLIP_TRY(metadata.integer_or("imatrix.chunk_count", 0));
  imatrix.chunk_size = SLIP_TRY(metadata.integer_or("imatrix.chunk_size", 0));
  for (const TensorView& tensor : file.tensors()) {
    if (!tensor.name.ends_with(kSums)) continue;
    const std::string name = tensor.name.substr(0, tensor.name.size() - kSums.size());
    imatrix.sums[name] = SLIP_TRY(read_sums(file, tensor, name));
  }
  if (imatrix.sums.empty()) return invalid("tensors: expected sums of inputs, got none");
  return imatrix;
}

}  // namespace

std::vector<float> Imatrix::importance(const std::string& tensor) const {
  const auto found = sums.find(tensor);
  if (found == sums.end()) return {};
  const auto& [squares, n_inputs] = found->second;
  std::vector<float> importance(squares.size(), 1.0f);
  for (std::size_t i = 0; i < importance.size() && n_inputs > 0; ++i) {
    importance[i] = static_cast<float>(squares[i] / static_cast<double>(n_inputs));
  }
  return importance;
}

Result<Imatrix> read_imatrix(const std::filesystem::path& path) {
  const GgufFile file = SLIP_TRY(GgufFile::open(path));
  auto imatrix = read(file);
  if (imatrix) return imatrix;
  return fail(imatrix.error().kind, "{}: {}", path.string(), imatrix.error().message);
}

Result<> write_imatrix(const std::filesystem::path& path, const Imatrix& imatrix) {
  Metadata metadata;
  metadata.set("general.type", std::string("imatrix"));
  metadata.set("imatrix.datasets", MetaArray{imatrix.datasets});
  metadata.set("imatrix.chunk_count", static_cast<std::uint32_t>(imatrix.n_chunks));
  metadata.set("imatrix.chunk_size", static_cast<std::uint32_t>(imatrix.chunk_size));
  std::vector<GgufTensorSpec> specs;
  for (const auto& [name, sums] : imatrix.sums) {
    const auto n_cols = static_cast<std::int64_t>(sums.squares.size());
    specs.push_back({name + std::string(kSums), DType::kF32, {n_cols, 1}, std::nullopt});
    specs.push_back({name + std::string(kCounts), DType::kF32, {1, 1}, std::nullopt});
  }
  GgufWriter writer = SLIP_TRY(GgufWriter::create(path, metadata, specs));
  for (const auto& [name, sums] : imatrix.sums) {
    std::vector<float> values(sums.squares.begin(), sums.squares.end());
    SLIP_TRY(writer.append(std::as_bytes(std::span(values))));
    values.assign(1, static_cast<float>(sums.n_inputs));
    SLIP_TRY(writer.append(std::as_bytes(std::span(values))));
  }
  return writer.finish();
}

}  // namespace slip
