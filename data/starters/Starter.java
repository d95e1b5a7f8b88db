// An implementation of refnn's spec in Java 17 or later. Fill in the functions in their order. To check it:
//
//     javac Starter.java
//     python -m refnn.check --cmd "java Starter"
//
// A function that returns null does not implement its operation. The functions number ... text read the inputs. Return
// Map.of("z", ...) with Double, double[], double[][], Integer, int[], String, lists of these; hex64 writes 64-bit
// integers.

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Array;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

public class Starter {

    // :functions:
    static Object answer(String op, Map<String, Object> in) {
        switch (op) {
            // :table:
            default: return null;
        }
    }

    // The inputs

    /** A double. JSON has no -0, Infinity and NaN: they are strings. With --hex, every double is 16 hex digits. */
    static double toDouble(Object value) {
        if (value instanceof Double number) return number;
        String text = (String) value;
        if (text.length() == 16) return Double.longBitsToDouble(Long.parseUnsignedLong(text, 16));
        return Double.parseDouble(text);
    }

    static double number(Map<String, Object> in, String key) { return toDouble(in.get(key)); }

    static int integer(Map<String, Object> in, String key) { return ((Double) in.get(key)).intValue(); }

    static boolean truth(Map<String, Object> in, String key) { return (Boolean) in.get(key); }

    static String text(Map<String, Object> in, String key) { return (String) in.get(key); }

    /** A 64-bit integer; Long.divideUnsigned and its like take it as unsigned. */
    static long seed(Map<String, Object> in, String key) { return Long.parseUnsignedLong(text(in, key), 16); }

    static double[] toNumbers(Object list) {
        return ((List<?>) list).stream().mapToDouble(Starter::toDouble).toArray();
    }

    static double[] numbers(Map<String, Object> in, String key) {
        return in.get(key) == null ? null : toNumbers(in.get(key));
    }

    /** A list of rows. */
    static double[][] matrix(Map<String, Object> in, String key) {
        return ((List<?>) in.get(key)).stream().map(Starter::toNumbers).toArray(double[][]::new);
    }

    static String hex64(long n) { return String.format("%016x", n); }

    // JSON

    static void write(Object value, StringBuilder to) {
        if (value instanceof Double number) {
            boolean spelled = number.isNaN() || number.isInfinite() || number.equals(-0.0);
            to.append(spelled ? "\"" + number + "\"" : number.toString());
        } else if (value instanceof String text) {
            to.append('"').append(text.replace("\\", "\\\\").replace("\"", "\\\"")).append('"');
        } else if (value instanceof Map<?, ?> map) {
            String before = "{";
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                to.append(before);
                write(entry.getKey(), to);
                write(entry.getValue(), to.append(':'));
                before = ",";
            }
            to.append(map.isEmpty() ? "{}" : "}");
        } else if (value instanceof Iterable<?> items) {
            String before = "[";
            for (Object item : items) {
                write(item, to.append(before));
                before = ",";
            }
            to.append(before.equals("[") ? "[]" : "]");
        } else if (value != null && value.getClass().isArray()) {
            List<Object> items = new ArrayList<>();
            for (int i = 0; i < Array.getLength(value); i++) items.add(Array.get(value, i));
            write(items, to);
        } else {
            to.append(value); // null, true, false, integers
        }
    }

    /** Reads objects as maps, lists, strings, booleans, null, and every number as a Double. */
    static class Reader {
        final String text;
        int at = 0;

        Reader(String text) { this.text = text; }

        char next() {
            while (Character.isWhitespace(text.charAt(at))) at++;
            return text.charAt(at);
        }

        void expect(char c) {
            if (next() != c) throw new IllegalArgumentException("not JSON: " + text.substring(at));
            at++;
        }

        String string() {
            expect('"');
            StringBuilder made = new StringBuilder();
            for (; text.charAt(at) != '"'; at++) {
                if (text.charAt(at) == '\\') at++; // questions escape only quotes and backslashes
                made.append(text.charAt(at));
            }
            at++;
            return made.toString();
        }

        Object word(String word, Object value) {
            at += word.length();
            return value;
        }

        Object value() {
            switch (next()) {
                case '"': return string();
                case 'n': return word("null", null);
                case 't': return word("true", true);
                case 'f': return word("false", false);
                case '[':
                    List<Object> list = new ArrayList<>();
                    for (at++; next() != ']'; list.add(value())) if (!list.isEmpty()) expect(',');
                    at++;
                    return list;
                case '{':
                    Map<String, Object> map = new LinkedHashMap<>();
                    at++;
                    while (next() != '}') {
                        if (!map.isEmpty()) expect(',');
                        String key = string();
                        expect(':');
                        map.put(key, value());
                    }
                    at++;
                    return map;
                default:
                    int begin = at;
                    while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) at++;
                    return Double.valueOf(text.substring(begin, at));
            }
        }
    }

    @SuppressWarnings("unchecked")
    public static void main(String[] arguments) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream to = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Map<String, Object> question = (Map<String, Object>) new Reader(line).value();
            Map<String, Object> said = new LinkedHashMap<>();
            said.put("id", question.get("id"));
            said.put("out", answer(text(question, "op"), (Map<String, Object>) question.get("in")));
            StringBuilder made = new StringBuilder();
            write(said, made);
            to.println(made);
        }
    }
}
