// A small JSON reader for files that nobody vouches for, and texts as JSON has them.
#pragma once

#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace seepseg {

// Its text is a sentence for the user: what is wrong, where, and what to do.
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Json {
    using List = std::vector<Json>;
    using Object = std::vector<std::pair<std::string, Json>>;
    std::variant<std::monostate, bool, double, std::string, List, Object> value;

    // Null where this is no object or has no such key; of equal keys the last one counts, as in Python.
    const Json* find(std::string_view key) const {
        if (const auto* object = std::get_if<Object>(&value))
            for (auto entry = object->rbegin(); entry != object->rend(); ++entry)
                if (entry->first == key) return &entry->second;
        return nullptr;
    }
    template <class T> const T* as() const { return std::get_if<T>(&value); }
    bool is_null() const { return std::holds_alternative<std::monostate>(value); }
};

class JsonReader {
  public:
    explicit JsonReader(std::string_view text) : text_(text) {}

    Json read() {
        Json whole = value(0);
        space();
        if (at_ != text_.size()) fail();
        return whole;
    }

  private:
    static constexpr int DEEPEST = 64;
    std::string_view text_;
    size_t at_ = 0;

    [[noreturn]] void fail() const { throw Error("damaged at byte " + std::to_string(at_)); }
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void space() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    }
    bool take(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return false;
        at_ += word.size();
        return true;
    }
    void need(std::string_view word) {
        if (!take(word)) fail();
    }

    Json value(int depth) {
        if (depth > DEEPEST) fail();
        space();
        if (take("null")) return {};
        if (take("true")) return {true};
        if (take("false")) return {false};
        if (peek() == '"') return {string()};
        if (take("[")) return {list(depth)};
        if (take("{")) return {object(depth)};
        return {number()};
    }

    Json::List list(int depth) {
        Json::List items;
        space();
        if (take("]")) return items;
        do {
            items.push_back(value(depth + 1));
            space();
        } while (take(","));
        need("]");
        return items;
    }

    Json::Object object(int depth) {
        Json::Object entries;
        space();
        if (take("}")) return entries;
        do {
            space();
            std::string key = string();
            space();
            need(":");
            entries.emplace_back(std::move(key), value(depth + 1));
            space();
        } while (take(","));
        need("}");
        return entries;
    }

    double number() {
        // from_chars would take "inf" and "nan", too.
        if (peek() != '-' && !(peek() >= '0' && peek() <= '9')) fail();
        double found = 0;
        const auto [end, problem] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), found);
        if (problem != std::errc() || !std::isfinite(found)) fail();
        at_ = static_cast<size_t>(end - text_.data());
        return found;
    }

    std::string string() {
        need("\"");
        std::string found;
        while (true) {
            const auto byte = static_cast<unsigned char>(peek());
            if (at_ >= text_.size() || byte < 0x20) fail();
            ++at_;
            if (byte == '"') return found;
            if (byte != '\\')
                found += static_cast<char>(byte);
            else
                escape(found);
        }
    }

    void escape(std::string& found) {
        static constexpr std::string_view letters = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
        const char letter = peek();
        ++at_;
        if (letter == 'u') {
            unsigned code = hexadecimal();
            if (code >= 0xD800 && code < 0xDC00 && take("\\u")) code = 0x10000 + ((code - 0xD800) << 10) + low_half();
            append_utf8(found, code);
        } else if (const auto place = letters.find(letter); letter != '\0' && place != std::string_view::npos) {
            found += meant[place];
        } else {
            fail();
        }
    }

    unsigned low_half() {
        const unsigned code = hexadecimal();
        if (code < 0xDC00 || code > 0xDFFF) fail();
        return code - 0xDC00;
    }

    unsigned hexadecimal() {
        unsigned code = 0;
        if (text_.size() - at_ < 4 || at_ > text_.size()) fail();
        const char* start = text_.data() + at_;
        const auto [end, problem] = std::from_chars(start, start + 4, code, 16);
        if (problem != std::errc() || end != start + 4) fail();
        at_ += 4;
        return code;
    }

    static void append_utf8(std::string& text, unsigned code) {
        if (code < 0x80) {
            text += static_cast<char>(code);
            return;
        }
        const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        static constexpr unsigned heads[] = {0, 0xC0, 0xE0, 0xF0};
        text += static_cast<char>(heads[more] | code >> 6 * more);
        for (int left = more - 1; left >= 0; --left) text += static_cast<char>(0x80 | (code >> 6 * left & 0x3F));
    }
};

// How many bytes the UTF-8 character at `at` has; 0 where there is none.
inline size_t utf8_length(std::string_view text, size_t at) {
    const auto head = static_cast<unsigned char>(text[at]);
    size_t length = head < 0x80 ? 1 : 0;
    if (head >= 0xC2 && head < 0xF5) length = head < 0xE0 ? 2 : head < 0xF0 ? 3 : 4;
    if (length == 0 || at + length > text.size()) return 0;
    // Longer than need be, half a pair of UTF-16, or beyond the last character there is.
    const unsigned second = length > 1 ? static_cast<unsigned char>(text[at + 1]) : 0u;
    if ((head == 0xE0 && second < 0xA0) || (head == 0xED && second > 0x9F) || (head == 0xF0 && second < 0x90) ||
        (head == 0xF4 && second > 0x8F))
        return 0;
    for (size_t next = at + 1; next < at + length; ++next)
        if ((static_cast<unsigned char>(text[next]) & 0xC0) != 0x80) return 0;
    return length;
}

// In quotes; what is no UTF-8, such as in the names of files, is shown as U+FFFD.
inline std::string json_text(std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out = "\"";
    for (size_t at = 0; at < text.size();) {
        const size_t length = utf8_length(text, at);
        const auto byte = static_cast<unsigned char>(text[at]);
        if (length == 0)
            out += "\\ufffd";
        else if (byte < 0x20)
            out.append("\\u00").append({digits[byte >> 4], digits[byte & 15]});
        else
            out.append(byte == '"' || byte == '\\' ? "\\" : "").append(text.substr(at, length));
        at += length == 0 ? 1 : length;
    }
    return out + '"';
}

}  // namespace seepseg
