// A bundle of `seepseg export`: every file checked against bundle.json, then what that says.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json.hpp"
#include "sha256.hpp"

namespace seepseg {

namespace fs = std::filesystem;

constexpr int FORMAT = 1, LARGEST_INPUT = 16384;
constexpr size_t MOST_FILES = 200;
constexpr uint64_t MOST_MANIFEST_BYTES = 1 << 22, MOST_BYTES = uint64_t{4} << 30;
constexpr double USUAL_THRESHOLD = 0.25;
inline const std::string MANIFEST = "bundle.json", MODEL = "model.torchscript";
inline const std::string AGAIN = "; copy the bundle again, or export it again";

// How values that are no 8-bit pixels become some.
struct Rule {
    std::string kind, units;
    std::vector<double> low, high, bands;
    std::optional<double> nodata;
};

// When an image counts as one that holds something.
struct Presence {
    double threshold = USUAL_THRESHOLD;
    std::optional<double> slope, offset;
};

struct Bundle {
    fs::path folder;
    std::vector<std::string> names;
    std::string task;
    int background = -1, imgsz = 0, stride = 0, max_det = 300;
    double iou = 0.7, margin = 0.02;
    std::vector<double> limits;  // the confidence that an instance of each class has to be above
    bool has_thresholds = false;
    Presence presence;
    std::optional<Rule> rule;
    std::string program;  // the bytes of the model, as checked
};

// Part of bundle.json, and the way to it for messages.
class Entry {
  public:
    Entry(const Json* json, fs::path where, std::string key)
        : json_(json), where_(std::move(where)), key_(std::move(key)) {}

    Entry operator[](const std::string& key) const { return {json_ ? json_->find(key) : nullptr, where_, key}; }
    bool missing() const { return json_ == nullptr || json_->is_null(); }
    template <class T> const T& as() const {
        const T* found = json_ ? json_->as<T>() : nullptr;
        if (!found) fail();
        return *found;
    }
    double number(double least, double most) const {
        const double found = as<double>();
        if (!(found >= least && found <= most)) fail();
        return found;
    }
    int whole(int least, int most) const {
        const double found = number(least, most);
        if (found != std::floor(found)) fail();
        return static_cast<int>(found);
    }
    std::vector<double> numbers() const {
        std::vector<double> found;
        for (const Json& item : as<Json::List>()) found.push_back(Entry(&item, where_, key_).as<double>());
        return found;
    }
    [[noreturn]] void fail() const {
        throw Error(where_.string() + ": does not say '" + key_ + "' as it should" + AGAIN);
    }

  private:
    const Json* json_;
    fs::path where_;
    std::string key_;
};

inline std::string read_file(const fs::path& path, uint64_t most) {
    std::ifstream stream(path, std::ios::binary);
    std::error_code problem;
    const uint64_t size = fs::file_size(path, problem);
    if (!stream || problem) throw Error(path.string() + ": cannot be read" + AGAIN);
    std::string data(std::min(size, most), '\0');
    stream.read(data.data(), static_cast<std::streamsize>(data.size()));
    data.resize(static_cast<size_t>(stream.gcount()));
    return data;
}

inline std::string digest_of_file(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    std::string block(1 << 20, '\0');
    Sha256 digest;
    while (stream.read(block.data(), static_cast<std::streamsize>(block.size())), stream.gcount() > 0)
        digest.update(std::string_view(block).substr(0, static_cast<size_t>(stream.gcount())));
    return digest.hex();
}

inline std::map<std::string, uint64_t> list_folder(const fs::path& folder) {
    std::map<std::string, uint64_t> sizes;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.is_symlink() || !(entry.is_directory() || entry.is_regular_file()))
            throw Error(entry.path().string() + ": a link or a special file, which no bundle holds; remove it");
        const std::string name = entry.path().lexically_relative(folder).generic_string();
        if (entry.is_regular_file()) sizes[name] = entry.file_size();
        if (sizes.size() > MOST_FILES)
            throw Error(folder.string() + ": more than " + std::to_string(MOST_FILES) + " files; that is no bundle");
    }
    return sizes;
}

inline void check_digest(const fs::path& where, const std::string& found, const Entry& entry) {
    if (found != entry["sha256"].as<std::string>())
        throw Error(where.string() +
                    ": is not the file that was exported (its sha256 is not the one that the bundle lists)" + AGAIN);
}

// Exactly the listed files, each as listed; what is opened was found in the folder, so that no name leads out of it.
// Gives the bytes of the model: what was checked is what is run.
inline std::string check_files(const fs::path& folder, const Entry& facts) {
    std::map<std::string, uint64_t> sizes = list_folder(folder);
    std::string program;
    uint64_t total = 0;
    sizes.erase(MANIFEST);
    for (const auto& [name, json] : facts["files"].as<Json::Object>()) {
        const fs::path file = folder / name;
        const Entry entry(&json, folder / MANIFEST, name);
        const auto found = sizes.find(name);
        if (found == sizes.end()) throw Error(file.string() + ": missing, or listed twice" + AGAIN);
        const double bytes = entry["bytes"].number(0, static_cast<double>(MOST_BYTES));
        if (bytes != static_cast<double>(found->second))
            throw Error(file.string() + ": is not the file that was exported (another size)" + AGAIN);
        total += found->second;
        if (total > MOST_BYTES) throw Error(folder.string() + ": more than 4 GiB; that is no bundle");
        if (name == MODEL) {
            program = read_file(file, found->second);
            Sha256 digest;
            digest.update(program);
            check_digest(file, digest.hex(), entry);
        } else {
            check_digest(file, digest_of_file(file), entry);
        }
        sizes.erase(found);
    }
    if (!sizes.empty())
        throw Error((folder / sizes.begin()->first).string() + ": does not belong to the bundle, whose " + MANIFEST +
                    " does not list it; remove it");
    if (program.empty())
        throw Error(folder.string() + ": has no " + MODEL + ", which is what this program runs; export it again");
    return program;
}

inline double threshold_of(const Entry& choice) {
    return choice["threshold"].missing() ? USUAL_THRESHOLD : choice["threshold"].as<double>();
}

inline std::vector<double> read_limits(const Entry& confidence, const std::vector<std::string>& names) {
    if (confidence.missing()) return std::vector<double>(names.size(), USUAL_THRESHOLD);
    std::vector<double> limits;
    for (const std::string& name : names) {
        if (confidence[name].missing()) confidence[name].fail();
        limits.push_back(threshold_of(confidence[name]));
    }
    return limits;
}

inline Presence read_presence(const Entry& any) {
    Presence presence{threshold_of(any), {}, {}};
    if (const Entry curve = any["calibration"]; !curve.missing()) {
        presence.slope = curve["slope"].as<double>();
        presence.offset = curve["offset"].as<double>();
    }
    return presence;
}

inline Rule read_rule(const Entry& scale) {
    Rule rule{scale["kind"].as<std::string>(), scale["units"].as<std::string>(), scale["low"].numbers(),
              scale["high"].numbers(), scale["bands"].numbers(), {}};
    if (!scale["nodata"].missing()) rule.nodata = scale["nodata"].as<double>();
    const std::string known[] = {"db", "percentile", "minmax", "none"};
    if (std::find(std::begin(known), std::end(known), rule.kind) == std::end(known)) scale["kind"].fail();
    const size_t bands = rule.bands.size();
    if ((bands != 1 && bands != 3) || rule.low.size() != bands || rule.high.size() != bands) scale["bands"].fail();
    for (const double band : rule.bands)
        if (!(band >= 1 && band <= 65536 && band == std::floor(band))) scale["bands"].fail();
    return rule;
}

// Another way to lay images into the input than the only one known here would give wrong answers without a word.
inline void check_letterbox(const Entry& letterbox) {
    if (letterbox.missing()) return;
    for (const std::string key : {"square", "enlarge", "centre"})
        if (!letterbox[key].as<bool>()) letterbox[key].fail();
    letterbox["border"].number(114, 114);
    if (letterbox["interpolation"].as<std::string>() != "bilinear") letterbox["interpolation"].fail();
}

inline Json read_manifest(const fs::path& folder) {
    const fs::path where = folder / MANIFEST;
    if (fs::is_regular_file(folder))
        throw Error(folder.string() + ": is a file; unpack the bundle, and give its folder");
    if (!fs::is_regular_file(where))
        throw Error(folder.string() + ": no " + MANIFEST + " in it; that is no bundle of 'seepseg export'");
    if (fs::file_size(where) > MOST_MANIFEST_BYTES)
        throw Error(where.string() + ": too large; that is no bundle of 'seepseg export'");
    try {
        return JsonReader(read_file(where, MOST_MANIFEST_BYTES)).read();
    } catch (const Error& error) {
        throw Error(where.string() + ": " + error.what() + AGAIN);
    }
}

inline Bundle open_bundle(const fs::path& folder) {
    const Json manifest = read_manifest(folder);
    const Entry facts(&manifest, folder / MANIFEST, "");
    if (facts["format"].whole(1, 1 << 30) > FORMAT)
        throw Error((folder / MANIFEST).string() + ": its format is newer than this program reads (" +
                    std::to_string(FORMAT) + "); build the program anew, or export the model again with this version");
    Bundle bundle;
    bundle.folder = folder;
    bundle.program = check_files(folder, facts);
    for (const Json& name : facts["names"].as<Json::List>())
        bundle.names.push_back(Entry(&name, folder / MANIFEST, "names").as<std::string>());
    if (bundle.names.empty() || bundle.names.size() > 65000) facts["names"].fail();
    bundle.task = facts["task"].as<std::string>();
    bundle.imgsz = facts["imgsz"].whole(1, LARGEST_INPUT);
    bundle.stride = facts["stride"].whole(1, LARGEST_INPUT);
    if (bundle.imgsz % bundle.stride) facts["imgsz"].fail();
    if (!facts["background"].missing())
        bundle.background = facts["background"].whole(0, static_cast<int>(bundle.names.size()));
    if (!facts["iou"].missing()) bundle.iou = facts["iou"].number(0, 1);
    if (!facts["margin"].missing()) bundle.margin = facts["margin"].number(0, 100);
    if (!facts["max_det"].missing()) bundle.max_det = facts["max_det"].whole(1, 30000);
    bundle.limits = read_limits(facts["confidence"], bundle.names);
    bundle.has_thresholds = !facts["confidence"].missing();
    if (!facts["presence"].missing()) bundle.presence = read_presence(facts["presence"]["any"]);
    if (!facts["scale"].missing()) bundle.rule = read_rule(facts["scale"]);
    check_letterbox(facts["letterbox"]);
    return bundle;
}

}  // namespace seepseg
