// A file of packed weights: docs/pack-cache.md describes it byte by byte.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/os/mapped_file.h"
#include "base/result.h"
#include "model/pack_plan.h"

namespace slip {

// What the packed weights were made from: a hash of each file's stamp (size, inode, times), and of
// 64 pages of it, so that not even a file system without good stamps passes a new model for the old
// one. A model that was touched, moved to another disk or written again counts as another one.
std::uint64_t source_key(std::span<const MappedFile* const> files);

struct PackHeader {
  struct Matrix {
    std::string name;
    PackedKind kind = PackedKind::kF32;
    std::int64_t n_rows = 0;
    std::int64_t n_cols = 0;
    std::uint64_t offset = 0;  // from `data_offset`
    std::uint64_t n_bytes = 0;
    std::uint64_t checksum = 0;  // the sum of its chunks' (chunk_checksum)
  };
  std::uint64_t source_key = 0;
  std::vector<std::filesystem::path> sources;
  std::uint64_t data_offset = 0;  // a multiple of kPackAlignment, of 2 MiB when there are 64
  std::uint64_t data_bytes = 0;
  std::vector<Matrix> matrices;
};

// The header of a file that is to hold the plan's matrices; checksums are zero. `sources` may not
// be empty.
PackHeader make_pack_header(const PackPlan& plan, std::span<const MappedFile* const> sources);
// `header.data_offset` bytes at most.
std::string pack_header_bytes(const PackHeader& header);

// The header of a mapped file. kInvalid when it isn't one, is of another version of the format or
// the layout, is damaged, or the file hasn't the size that it says.
Result<PackHeader> read_pack_header(const MappedFile& file);

// The time of change that a file of packed weights carries: its model's, in whole pairs of seconds,
// which every file system keeps. Whatever writes to the file sets another one, so that a start sees
// it without reading all data.
std::filesystem::file_time_type seal_time(const FileStamp& model);
// Whether nothing has been written to the file since it was sealed.
bool is_sealed(const MappedFile& file, const FileStamp& model);

// Whether a file with this header holds just what the plan wants.
bool holds_plan(const PackHeader& header, const PackPlan& plan);

// Of a chunk of a matrix's packed groups that begins `offset` bytes behind the matrix's beginning.
std::uint64_t chunk_checksum(std::span<const std::byte> chunk, std::uint64_t offset);
// Reads all data. kInvalid, naming the first matrix whose bytes aren't those that were written.
Result<> verify_pack_data(const MappedFile& file, const PackHeader& header);

}  // namespace slip
