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
};

struct Size {
    uint64_t width = 0, height = 0, bands = 1;
};

constexpr uint64_t LONGEST_SIDE = 1 << 20, MOST_PIXEL_BYTES = uint64_t{4} << 30;
constexpr double OUTSIDE = 0.95;

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

// A number of a PNM header, past blanks and comments; 0 stands for none, which no header may hold.
inline uint64_t read_header_number(std::istream& stream) {
    int byte = stream.get();
    for (int skipped = 0; skipped < 65536 && (byte == '#' || std::isspace(byte)); ++skipped) {
        if (byte == '#')
            while (byte != '\n' && byte != EOF && ++skipped < 65536) byte = stream.get();
        byte = stream.get();
    }
    uint64_t number = 0;
    for (; byte >= '0' && byte <= '9' && number < 1'000'000'000; byte = stream.get())
        number = 10 * number + static_cast<uint64_t>(byte - '0');
    return std::isspace(byte) ? number : 0;
}

inline void check_size(const std::string& where, const Size& size) {
    // Each factor is small enough that the product cannot overflow.
    const bool sane = size.width && size.height && size.bands && size.bands <= 256 && size.width <= LONGEST_SIDE &&
                      size.height <= LONGEST_SIDE && size.width * size.height * size.bands <= MOST_PIXEL_BYTES / 4;
    if (!sane) throw Error(where + ": an image of no possible size; sides are up to 1,048,576 and it has up to 4 GiB");
}

// Nothing is allocated before the file is known to hold that much.
inline void read_rest(const std::string& where, std::istream& stream, uint64_t left, Values& values) {
    const uint64_t need = values.size.width * values.size.height * values.size.bands * static_cast<uint64_t>(values.bytes);
    if (left != need)
        throw Error(where + ": " + (left < need ? "is cut off, " : "holds more than one image, ") + std::to_string(left) +
                    " bytes of pixels instead of " + std::to_string(need) + "; get the file again");
    values.data.resize(need);
    stream.read(values.data.data(), static_cast<std::streamsize>(need));
    if (static_cast<uint64_t>(stream.gcount()) != need) throw Error(where + ": cannot be read to its end; get the file again");
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
        throw Error(where + ": neither a binary PGM nor a binary PPM; convert it to one, or give raw pixels and --size");
    const uint64_t width = read_header_number(stream), height = read_header_number(stream), top = read_header_number(stream);
    values.size = {width, height, magic[1] == '6' ? uint64_t{3} : uint64_t{1}};
    check_size(where, values.size);
    if (top != 255 && (top < 256 || top > 65535))
        throw Error(where + ": its header is damaged, or its largest value is neither 255 nor from 256 to 65535; save it again");
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
                        std::to_string(values.size.bands));
    Pixels pixels{static_cast<int>(values.size.width), static_cast<int>(values.size.height), static_cast<int>(scales.size()), {}};
    const size_t count = values.size.width * values.size.height;
    pixels.data.resize(count * scales.size());
    size_t valid = 0, outside = 0;
    for (size_t at = 0; at < count; ++at)
        for (size_t index = 0; index < scales.size(); ++index) {
            const Scale& scale = scales[index];
            const float value = values.at(at * values.size.bands + scale.band);
            if (!std::isfinite(value) || (rule.nodata && rule.kind != "none" && value == static_cast<float>(*rule.nodata))) continue;
            pixels.data[at * scales.size() + index] = scale.grey(value);
            if (index == 0) {
                const float shown = scale.shown(value);
                ++valid;
                outside += shown < static_cast<float>(rule.low[0]) || shown > static_cast<float>(rule.high[0]);
            }
        }
    if (static_cast<double>(outside) > OUTSIDE * static_cast<double>(valid))
        throw Error(where + ": almost all of its values lie beyond what the model was trained on; give the same band in the same units");
    return pixels;
}

// 8-bit values are taken as they are: a dataset's own images were brought to 8 bits by the rule.
inline Pixels read_image(const fs::path& path, const std::optional<Size>& raw, const std::optional<Rule>& rule) {
    Values values = read_values(path, raw);
    const std::string where = path.string();
    const uint64_t bands = values.size.bands;
    if (values.bytes > 1) {
        if (!rule || rule->kind == "none")
            throw Error(where + ": holds values of more than 8 bits, and the model was trained on 8-bit images; bring them to "
                                "8 bits as its training images were");
        return apply_rule(where, values, *rule);
    }
    const bool natural = !rule || rule->kind != "none" || rule->bands == (bands == 1 ? std::vector<double>{1} : std::vector<double>{1, 2, 3});
    if (!natural) return apply_rule(where, values, *rule);
    if (bands != 1 && bands != 3)
        throw Error(where + ": has " + std::to_string(bands) + " channels; give grey, or red, green and blue");
    return {static_cast<int>(values.size.width), static_cast<int>(values.size.height), static_cast<int>(bands),
            std::vector<uint8_t>(values.data.begin(), values.data.end())};
}

}  // namespace seepseg
