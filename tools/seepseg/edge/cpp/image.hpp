// PGM and PPM files, and raw pixels of a size that is given, as the 8-bit image that the model sees.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "bundle.hpp"

namespace seepseg {

static_assert(std::endian::native == std::endian::little, "raw files are read as little-endian");

// Rows of pixels; three channels are red, green and blue.
struct Pixels {
    int width = 0, height = 0, channels = 1;
    std::vector<uint8_t> data;
    std::vector<bool> nodata{};  // column after column; empty where there is data everywhere
};

struct Size {
    uint64_t width = 0, height = 0, bands = 1;
};

constexpr uint64_t LONGEST_SIDE = 1 << 20, MOST_VALUES = 1 << 30;
constexpr int LONGEST_HEADER = 1 << 16;
constexpr double MOST_OUTSIDE = 0.95;

// Values as the file has them, bands of a pixel beside each other.
struct Values {
    Size size;
    int bytes = 1;  // of a value: 1 and 2 are whole numbers, 4 is a float
    bool big_endian = false;
    std::string data;

    float at(size_t index) const {
        const auto byte = [&](size_t place) { return static_cast<uint8_t>(data[place]); };
        if (bytes == 1) return byte(index);
        if (bytes == 2) return static_cast<float>(byte(2 * index + !big_endian) << 8 | byte(2 * index + big_endian));
        float value;
        std::memcpy(&value, data.data() + 4 * index, sizeof value);
        return value;
    }
};

// A number of a PNM header: blanks or comments, then digits; a blank follows.
inline uint64_t read_header_number(std::istream& stream, const std::string& where) {
    const auto blank = [&] { return std::isspace(stream.peek()) != 0; };
    const auto line_ends = [&] { return stream.peek() == '\n' || stream.peek() == '\r' || stream.peek() == EOF; };
    int skipped = 0, digits = 0;
    for (; (blank() || stream.peek() == '#') && skipped < LONGEST_HEADER; ++skipped)
        if (stream.get() == '#')
            for (; !line_ends() && skipped < LONGEST_HEADER; ++skipped) stream.get();
    uint64_t number = 0;
    for (; std::isdigit(stream.peek()) && digits < 9; ++digits)
        number = 10 * number + static_cast<uint64_t>(stream.get() - '0');
    if (!skipped || !digits || !blank()) throw Error(where + ": its head is damaged; get the file again");
    return number;
}

inline void check_size(const std::string& where, const Size& size) {
    // Each factor is small enough that the product cannot overflow.
    const bool sane = size.width && size.height && size.bands && size.bands <= 256 && size.width <= LONGEST_SIDE &&
                      size.height <= LONGEST_SIDE && size.width * size.height * size.bands <= MOST_VALUES;
    if (sane) return;
    throw Error(where + ": " + std::to_string(size.width) + " x " + std::to_string(size.height) +
                " pixels, which is nothing or too much at once (2^30 values); cut it into tiles first");
}

// Nothing is allocated before the file is known to hold that much.
inline void read_rest(const std::string& where, std::istream& stream, uint64_t left, Values& values) {
    const uint64_t count = values.size.width * values.size.height * values.size.bands;
    const uint64_t need = count * static_cast<uint64_t>(values.bytes);
    if (left != need)
        throw Error(where + (left < need ? ": is cut off: " : ": holds more than one image: ") + std::to_string(left) +
                    " bytes of pixels instead of " + std::to_string(need) + "; get the file again");
    values.data.resize(need);
    stream.read(values.data.data(), static_cast<std::streamsize>(need));
    if (static_cast<uint64_t>(stream.gcount()) != need)
        throw Error(where + ": cannot be read to its end; get the file again");
}

inline Values read_values(const fs::path& path, const std::optional<Size>& raw) {
    const std::string where = path.string();
    std::ifstream stream(path, std::ios::binary);
    if (!stream || !fs::is_regular_file(path)) throw Error(where + ": no file that can be read");
    const uint64_t bytes = fs::file_size(path);
    Values values;
    if (raw) {
        check_size(where, *raw);
        values.size = *raw;
        const uint64_t count = raw->width * raw->height * raw->bands;
        values.bytes = bytes == 4 * count ? 4 : bytes == 2 * count ? 2 : 1;
        read_rest(where, stream, bytes, values);
        return values;
    }
    char magic[2] = {};
    stream.read(magic, 2);
    if (magic[0] != 'P' || (magic[1] != '5' && magic[1] != '6'))
        throw Error(where + ": neither a binary PGM nor PPM; convert it, or give values without a head and --size");
    const uint64_t width = read_header_number(stream, where), height = read_header_number(stream, where);
    const uint64_t top = read_header_number(stream, where);
    stream.get();
    values.size = {width, height, magic[1] == '6' ? uint64_t{3} : uint64_t{1}};
    check_size(where, values.size);
    if (top != 255 && (top < 256 || top > 65535))
        throw Error(where + ": has values up to " + std::to_string(top) + "; save it with 8 bits (255) or 16 (65535)");
    values.bytes = top > 255 ? 2 : 1;
    values.big_endian = true;
    read_rest(where, stream, bytes - static_cast<uint64_t>(stream.tellg()), values);
    return values;
}

// What a rule does to one band.
struct Scale {
    size_t band;
    float low, gain, lowest, factor = 0;  // the factor of decibels, 0 where values stay as they are

    Scale(const Rule& rule, size_t index)
        : band(static_cast<size_t>(rule.bands[index]) - 1), low(static_cast<float>(rule.low[index])), gain(0),
          lowest(rule.kind == "none" ? 0.0f : 1.0f) {
        gain = (255 - lowest) / (static_cast<float>(rule.high[index]) - low);
        if (rule.kind == "db") factor = rule.units == "linear" ? 10.0f : rule.units == "amplitude" ? 20.0f : 0.0f;
    }
    float shown(float value) const { return factor != 0 ? factor * std::log10(std::max(value, 1e-30f)) : value; }
    uint8_t grey(float value) const {
        const float level = std::nearbyint((shown(value) - low) * gain + lowest);
        return static_cast<uint8_t>(level > lowest ? std::min(level, 255.0f) : lowest);
    }
};

inline Pixels apply_rule(const std::string& where, const Values& values, const Rule& rule) {
    std::vector<Scale> scales;
    for (size_t index = 0; index < rule.bands.size(); ++index) scales.emplace_back(rule, index);
    for (const Scale& scale : scales)
        if (scale.band >= values.size.bands)
            throw Error(where + ": the model takes band " + std::to_string(scale.band + 1) + ", and the file has " +
                        std::to_string(values.size.bands) + "; give one that has them in that order");
    Pixels pixels{static_cast<int>(values.size.width), static_cast<int>(values.size.height),
                  static_cast<int>(scales.size()), {}, {}};
    // What is equal to nothing stands for no such value.
    const float nodata = rule.nodata && rule.kind != "none" ? static_cast<float>(*rule.nodata) : NAN;
    const size_t count = values.size.width * values.size.height;
    pixels.data.resize(count * scales.size());
    size_t valid = 0, outside = 0;
    for (size_t at = 0; at < count; ++at) {
        bool holds = false;
        for (size_t index = 0; index < scales.size(); ++index) {
            const Scale& scale = scales[index];
            const float value = values.at(at * values.size.bands + scale.band);
            if (!std::isfinite(value) || value == nodata) continue;
            holds = true;
            pixels.data[at * scales.size() + index] = scale.grey(value);
            if (index == 0) {
                const float shown = scale.shown(value);
                ++valid;
                outside += shown < static_cast<float>(rule.low[0]) || shown > static_cast<float>(rule.high[0]);
            }
        }
        if (holds) continue;
        if (pixels.nodata.empty()) pixels.nodata.resize(count);
        pixels.nodata[at % values.size.width * values.size.height + at / values.size.width] = true;
    }
    if (static_cast<double>(outside) > MOST_OUTSIDE * static_cast<double>(valid))
        throw Error(where + ": almost all of band " + std::to_string(scales[0].band + 1) +
                    " lies beyond what the model was trained on; give the same band in the same units");
    return pixels;
}

// 8-bit values are taken as they are: a dataset's own images were brought to 8 bits by the rule.
inline Pixels read_image(const fs::path& path, const std::optional<Size>& raw, const std::optional<Rule>& rule) {
    Values values = read_values(path, raw);
    const std::string where = path.string();
    const uint64_t bands = values.size.bands;
    if (values.bytes > 1) {
        if (!rule || rule->kind == "none")
            throw Error(where + ": holds values of more than 8 bits, and the model was trained on 8-bit images; "
                                "bring it to 8 bits as its training images were");
        return apply_rule(where, values, *rule);
    }
    const std::vector<double> natural = bands == 1 ? std::vector<double>{1} : std::vector<double>{1, 2, 3};
    if (rule && rule->kind == "none" && rule->bands != natural) return apply_rule(where, values, *rule);
    if (bands != 1 && bands != 3)
        throw Error(where + ": has " + std::to_string(bands) + " bands; give grey, or red, green and blue");
    return {static_cast<int>(values.size.width), static_cast<int>(values.size.height), static_cast<int>(bands),
            std::vector<uint8_t>(values.data.begin(), values.data.end()), {}};
}

}  // namespace seepseg
