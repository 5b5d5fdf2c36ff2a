// SHA-256 (FIPS 180-4).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace seepseg {

class Sha256 {
  public:
    void update(std::string_view bytes) {
        total_ += bytes.size();
        while (!bytes.empty()) {
            const size_t taken = std::min(bytes.size(), block_.size() - filled_);
            std::memcpy(block_.data() + filled_, bytes.data(), taken);
            filled_ += taken;
            bytes.remove_prefix(taken);
            if (filled_ == block_.size()) digest_block();
        }
    }

    // Of everything so far; nothing may follow.
    std::string hex() {
        const uint64_t bits = total_ * 8;
        update(std::string_view("\x80", 1));
        while (filled_ != 56) update(std::string_view("\0", 1));
        for (int byte = 7; byte >= 0; --byte) block_[filled_++] = static_cast<uint8_t>(bits >> 8 * byte);
        digest_block();
        std::string text;
        for (const uint32_t word : state_)
            for (int nibble = 7; nibble >= 0; --nibble) text += "0123456789abcdef"[word >> 4 * nibble & 15];
        return text;
    }

  private:
    std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<uint8_t, 64> block_{};
    size_t filled_ = 0;
    uint64_t total_ = 0;

    // The first 32 bits of the fractions of the cube roots of the first 64 primes.
    static const std::array<uint32_t, 64>& constants() {
        static const auto made = [] {
            std::array<uint32_t, 64> words{};
            size_t count = 0;
            for (unsigned number = 2; count < words.size(); ++number) {
                bool prime = true;
                for (unsigned by = 2; by * by <= number; ++by) prime &= number % by != 0;
                if (!prime) continue;
                const long double root = std::cbrt(static_cast<long double>(number));
                words[count++] = static_cast<uint32_t>((root - std::floor(root)) * 4294967296.0L);
            }
            return words;
        }();
        return made;
    }

    void digest_block() {
        using std::rotr;
        std::array<uint32_t, 64> w{};
        for (size_t i = 0; i < 16; ++i)
            for (size_t byte = 0; byte < 4; ++byte) w[i] = w[i] << 8 | block_[4 * i + byte];
        for (size_t i = 16; i < 64; ++i) {
            const uint32_t one = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
            const uint32_t other = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
            w[i] = w[i - 16] + one + w[i - 7] + other;
        }
        auto [a, b, c, d, e, f, g, h] = state_;
        for (size_t i = 0; i < 64; ++i) {
            const uint32_t chosen = (e & f) ^ (~e & g), most = (a & b) ^ (a & c) ^ (b & c);
            const uint32_t one = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + chosen + constants()[i] + w[i];
            const uint32_t other = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + most;
            h = g, g = f, f = e, e = d + one, d = c, c = b, b = a, a = one + other;
        }
        const std::array<uint32_t, 8> added{a, b, c, d, e, f, g, h};
        for (size_t i = 0; i < 8; ++i) state_[i] += added[i];
        filled_ = 0;
    }
};

}  // namespace seepseg
