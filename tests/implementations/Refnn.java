// An independent implementation of refnn's conformance spec 1.0, written from SPEC.md alone: Java 17, nothing but the JDK.
// It reads questions (JSON, one a line) from standard input and writes their answers. To check it:
//     python -m refnn.check --cmd "java Refnn.java"

import java.io.*;
import java.nio.*;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Refnn {
    public static void main(String[] args) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var output = new OutputStreamWriter(System.out, StandardCharsets.UTF_8);
        for (String line; (line = input.readLine()) != null; output.flush()) {
            var question = (Map<?, ?>) new Parser(line).value();
            Object answer = answer((String) question.get("op"), (Map<?, ?>) question.get("in"));
            output.write(json(out("id", question.get("id"), "out", answer)) + "\n");
        }
    }

    static Object answer(String op, Map<?, ?> in) throws Exception {
        if (op.equals("train")) return train(in);
        double[][] x = matrix(in, "x"), w = matrix(in, "w"), y = matrix(in, "y"), o = matrix(in, "o"), z = matrix(in, "z"), a = matrix(in, "a");
        double[][] da = matrix(in, "da"), dz = matrix(in, "dz");
        String name = (String) in.get("name"), loss = (String) in.get("loss");
        boolean mean = "mean".equals(in.get("reduction"));
        var random = new SplitMix64(seed(in));
        return switch (op) {
            case "next" -> out("integers", draw(in, () -> hex(random.next())));
            case "uniform" -> out("numbers", draw(in, random::uniform));
            case "normal" -> out("numbers", draw(in, random::normal));
            case "below" -> out("integers", draw(in, () -> random.below(integer(in, "n"))));
            case "permutation" -> out("order", random.permutation(integer(in, "n")));
            case "stream" -> out("seed", hex(stream(seed(in), integer(in, "k"))));
            case "epoch_order" -> out("order", epochOrder(seed(in), integer(in, "epoch"), integer(in, "n")));
            case "exp" -> out("y", each(vector(in, "x"), StrictMath::exp));
            case "log" -> out("y", each(vector(in, "x"), StrictMath::log));
            case "tanh" -> out("y", each(vector(in, "x"), StrictMath::tanh));
            case "sin" -> out("y", each(vector(in, "x"), v -> Math.abs(v) <= TRIG_END ? StrictMath.sin(v) : Double.NaN));
            case "cos" -> out("y", each(vector(in, "x"), v -> Math.abs(v) <= TRIG_END ? StrictMath.cos(v) : Double.NaN));
            case "initial_parameters" -> out("parameters", flat(layers(in), l -> l.p));
            case "dot" -> out("z", product(transposed(x), w, null)[0][0]);
            case "matmul" -> out("c", product(a, matrix(in, "b"), null));
            case "linear_forward" -> out("z", product(x, w, vector(in, "b")));
            case "activation_forward" -> out("a", rows(z, (n, row) -> activation(name, row)));
            case "loss" -> out("losses", losses(loss, o, y), "loss", sum(losses(loss, o, y), mean));
            case "loss_gradient" -> out("do", lossGradient(loss, o, y, mean));
            case "activation_backward" -> out("dz", rows(a, (n, row) -> activationBackward(name, row, da[n])));
            case "linear_backward_input" -> out("dx", product(dz, transposed(w), null));
            case "linear_backward_parameters" -> out("dw", product(transposed(x), dz, null), "db", yes(in, "bias") ? sums(dz) : null);
            case "update" -> out("p", update(vector(in, "p"), vector(in, "dp"), number(in.get("lr"))));
            case "step" -> {
                Layer[] layers = layers(in);
                double[][] outputs = step(layers, loss, x, y, mean, number(in.get("lr")));
                yield out("outputs", all(layers, l -> l.a), "loss", sum(losses(loss, outputs, y), mean), "deltas", all(layers, l -> l.da),
                          "gradients", flat(layers, l -> l.dp), "parameters", flat(layers, l -> l.p));
            }
            default -> null;
        };
    }

    /** Section 4: StrictMath is fdlibm, but beyond this the spec's sin and cos are NaN. */
    static final double TRIG_END = 0x1p19 * (Math.PI / 2);

    // Section 3: random numbers

    static final class SplitMix64 {
        static final long GAMMA = 0x9E3779B97F4A7C15L;
        long state;

        SplitMix64(long seed) { state = seed; }
        double uniform() { return (next() >>> 11) / 0x1p53; }
        double normal() { return Math.sqrt(-2 * StrictMath.log(1 - uniform())) * StrictMath.cos(6.283185307179586 * uniform()); }
        int below(int n) { return (int) (uniform() * n); }

        long next() {
            long z = state += GAMMA;
            z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
            z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
            return z ^ z >>> 31;
        }

        int[] permutation(int n) {
            int[] order = IntStream.range(0, n).toArray();
            for (int i = n - 1; i > 0; i--) {
                int j = below(i + 1), swapped = order[i];
                order[i] = order[j];
                order[j] = swapped;
            }
            return order;
        }
    }

    static long stream(long seed, int k) { return new SplitMix64(seed + (k - 1) * SplitMix64.GAMMA).next(); }
    static int[] epochOrder(long seed, int epoch, int n) { return new SplitMix64(stream(stream(seed, 2), epoch)).permutation(n); }

    // Section 5: parameters

    static Layer[] layers(Map<?, ?> in) {
        var layers = list(in.get("layers")).stream().map(layer -> new Layer((Map<?, ?>) layer)).toArray(Layer[]::new);
        var given = in.get("parameters") == null ? null : list(in.get("parameters")).iterator();
        var init = (String) in.get("init");
        var random = new SplitMix64(stream(seed(in), 1));
        DoubleSupplier draw = "uniform".equals(init) ? random::uniform : random::normal;
        for (Layer layer : layers)
            for (double[] row : layer.p)
                Arrays.setAll(row, j -> given != null ? number(given.next()) : layer.scale(init) * draw.getAsDouble() + 0.0);
        return layers;
    }

    static double[] flat(Layer[] layers, Function<Layer, double[][]> rows) {
        return Arrays.stream(layers).flatMap(layer -> Arrays.stream(rows.apply(layer))).flatMapToDouble(Arrays::stream).toArray();
    }

    static String digest(double[] parameters) throws Exception {
        var bytes = ByteBuffer.allocate(8 * parameters.length).order(ByteOrder.LITTLE_ENDIAN);
        for (double p : parameters) bytes.putLong(Double.doubleToLongBits(p));
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
    }

    // Sections 6 and 8: layers forward and backward

    /** A linear layer has parameters p, rows of weights and then the bias, and their gradients dp; an activation has no rows. */
    static final class Layer {
        final String type;
        final boolean linear, bias;
        final int inputs;
        final double[][] p, dp;
        double[][] x, a, da;  // its input and output, and dL/d(output)

        Layer(Map<?, ?> layer) {
            type = (String) layer.get("type");
            linear = type.equals("linear");
            bias = linear && yes(layer, "bias");
            inputs = linear ? integer(layer, "inputs") : 0;
            p = new double[bias ? inputs + 1 : inputs][linear ? integer(layer, "outputs") : 0];
            dp = new double[p.length][];
        }

        double scale(String init) {
            return switch (init) {
                case "normal_0.1" -> 0.1;
                case "fan_in" -> 1 / Math.sqrt(inputs);
                case "fan_out" -> 1 / Math.sqrt(p[0].length);
                case "uniform", "normal" -> 1;
                default -> throw new IllegalArgumentException(init);
            };
        }

        double[][] forward(double[][] input) {
            x = input;
            return a = linear ? product(x, p, bias ? p[inputs] : null) : rows(x, (n, z) -> activation(type, z));
        }

        double[][] backward(double[][] gradient, boolean first) {
            da = gradient;
            if (!linear) return rows(a, (n, row) -> activationBackward(type, row, da[n]));
            System.arraycopy(product(transposed(x), da, null), 0, dp, 0, inputs);
            if (bias) dp[inputs] = sums(da);
            return first ? null : product(da, transposed(Arrays.copyOf(p, inputs)), null);
        }
    }

    /** start + a b, each sum in ascending order. The inner loop is over columns, to be vectorized without a change of that order. */
    static double[][] product(double[][] a, double[][] b, double[] start) {
        return rows(a, (n, x) -> {
            double[] s = start == null ? new double[b[0].length] : start.clone();
            for (int i = 0; i < x.length; i++) add(s, x[i], b[i]);
            return s;
        });
    }

    static void add(double[] s, double x, double[] w) { for (int j = 0; j < s.length; j++) s[j] += x * w[j]; }

    static double[] activation(String name, double[] z) {
        return switch (name) {
            case "sigmoid" -> each(z, v -> 1 / (1 + StrictMath.exp(-v)));
            case "tanh" -> each(z, StrictMath::tanh);
            case "relu" -> each(z, v -> v > 0 ? v : 0);
            case "leaky_relu" -> each(z, v -> v > 0 ? v : 0.01 * v);
            case "softmax" -> {
                double[] e = exponentials(z);
                double s = sum(e);
                yield each(e, v -> v / s);
            }
            case "identity" -> z;
            default -> throw new IllegalArgumentException(name);
        };
    }

    static double[] exponentials(double[] z) {
        double m = largest(z);
        return each(z, v -> StrictMath.exp(v - m));
    }

    static double[] activationBackward(String name, double[] a, double[] da) {
        double s = name.equals("softmax") ? sum(each(da, a, (d, v) -> d * v)) : 0;
        return switch (name) {
            case "sigmoid" -> each(a, da, (v, d) -> d * (v * (1 - v)));
            case "tanh" -> each(a, da, (v, d) -> d * (1 - v * v));
            case "relu" -> each(a, da, (v, d) -> v > 0 ? d : 0);
            case "leaky_relu" -> each(a, da, (v, d) -> v > 0 ? d : 0.01 * d);
            case "softmax" -> each(a, da, (v, d) -> v * (d - s));
            default -> da;
        };
    }

    // Sections 7 and 8: losses and their gradients. A row of y is the target, or holds the class

    static double[] losses(String loss, double[][] o, double[][] y) {
        return IntStream.range(0, o.length).mapToDouble(n -> loss(loss, o[n], y[n])).toArray();
    }

    static double loss(String loss, double[] o, double[] y) {
        if (loss.equals("cross_entropy")) return largest(o) + StrictMath.log(sum(exponentials(o))) - o[(int) y[0]];
        return sum(each(o, y, (v, t) -> (v - t) * (v - t)), loss.equals("mse"));
    }

    static double[][] lossGradient(String loss, double[][] o, double[][] y, boolean mean) {
        return rows(o, (n, row) -> {
            double[] d = loss.equals("cross_entropy") ? activation("softmax", row) : each(row, y[n], (v, t) -> 2 * (v - t));
            if (loss.equals("cross_entropy")) d[(int) y[n][0]] -= 1;
            if (loss.equals("mse")) d = each(d, v -> v / row.length);
            return mean ? each(d, v -> v / o.length) : d;
        });
    }

    // Sections 9 and 10: a step, training

    static double[] update(double[] p, double[] dp, double lr) {
        for (int j = 0; j < p.length; j++) p[j] -= lr * dp[j];
        return p;
    }

    static double[][] forward(Layer[] layers, double[][] x) {
        for (Layer layer : layers) x = layer.forward(x);
        return x;
    }

    static double[][] step(Layer[] layers, String loss, double[][] x, double[][] y, boolean mean, double lr) {
        double[][] outputs = forward(layers, x), d = lossGradient(loss, outputs, y, mean);
        for (int l = layers.length - 1; l >= 0; l--) d = layers[l].backward(d, l == 0);
        for (Layer layer : layers)
            for (int i = 0; i < layer.p.length; i++) update(layer.p[i], layer.dp[i], lr);
        return outputs;
    }

    static Map<String, Object> train(Map<?, ?> in) throws Exception {
        Layer[] layers = layers(in);
        double[][] x = matrix(in, in.containsKey("x") ? "x" : "pixels"), y = matrix(in, "y");
        var loss = (String) in.get("loss");
        int epochs = integer(in, "epochs"), size = integer(in, "batch_size");
        double lr = number(in.get("lr"));
        double[] losses = new double[epochs + 1];
        String[] digests = new String[epochs + 1];
        for (int epoch = 0; epoch <= epochs; epoch++) {
            int[] order = yes(in, "shuffle") ? epochOrder(seed(in), epoch, x.length) : IntStream.range(0, x.length).toArray();
            for (int start = 0; epoch > 0 && start < x.length; start += size) {
                int[] batch = Arrays.copyOfRange(order, start, Math.min(start + size, x.length));
                step(layers, loss, all(batch, x), all(batch, y), "mean".equals(in.get("reduction")), lr);
            }
            if (epoch > 0 && epoch % integer(in, "lr_decay_every") == 0) lr *= number(in.get("lr_decay"));
            double[][] o = rows(x, (n, row) -> forward(layers, new double[][] {row})[0]);
            losses[epoch] = sum(losses(loss, o, y), !loss.equals("sse"));
            digests[epoch] = digest(flat(layers, l -> l.p));
        }
        return out("losses", losses, "digests", digests);
    }

    // Vectors and matrices

    static double[] each(double[] x, DoubleUnaryOperator f) {
        double[] y = new double[x.length];
        for (int j = 0; j < x.length; j++) y[j] = f.applyAsDouble(x[j]);
        return y;
    }

    static double[] each(double[] a, double[] b, DoubleBinaryOperator f) {
        double[] c = new double[a.length];
        for (int j = 0; j < a.length; j++) c[j] = f.applyAsDouble(a[j], b[j]);
        return c;
    }

    static double[][] rows(double[][] x, BiFunction<Integer, double[], double[]> f) {
        double[][] y = new double[x.length][];
        for (int n = 0; n < x.length; n++) y[n] = f.apply(n, x[n]);
        return y;
    }

    static double[][] transposed(double[][] x) {
        double[][] y = new double[x[0].length][x.length];
        for (int n = 0; n < x.length; n++)
            for (int i = 0; i < y.length; i++) y[i][n] = x[n][i];
        return y;
    }

    static double sum(double[] x) {
        double s = 0;
        for (double v : x) s += v;
        return s;
    }

    static double[] sums(double[][] x) { return Arrays.stream(transposed(x)).mapToDouble(Refnn::sum).toArray(); }
    static double sum(double[] x, boolean mean) { return mean ? sum(x) / x.length : sum(x); }
    static double largest(double[] x) { return Arrays.stream(x).max().getAsDouble(); }
    static double[][] all(int[] batch, double[][] x) { return Arrays.stream(batch).mapToObj(n -> x[n]).toArray(double[][]::new); }
    static Object[] all(Layer[] layers, Function<Layer, double[][]> f) { return Arrays.stream(layers).map(f).toArray(); }

    // Section 2: questions and answers

    static List<?> list(Object x) { return (List<?>) x; }
    static boolean yes(Map<?, ?> in, String key) { return in.get(key) == Boolean.TRUE; }
    static int integer(Map<?, ?> in, String key) { return ((Double) in.get(key)).intValue(); }
    static long seed(Map<?, ?> in) { return in.containsKey("seed") ? Long.parseUnsignedLong((String) in.get("seed"), 16) : 0; }
    static String hex(long x) { return HexFormat.of().toHexDigits(x); }
    static Object[] draw(Map<?, ?> in, Supplier<Object> next) { return Stream.generate(next).limit(integer(in, "count")).toArray(); }

    static double number(Object x) {
        if (x instanceof Double number) return number;
        String s = (String) x;
        return s.length() == 16 ? Double.longBitsToDouble(Long.parseUnsignedLong(s, 16)) : Double.parseDouble(s);
    }

    static double[] vector(Map<?, ?> in, String key) {
        return in.get(key) == null ? null : list(in.get(key)).stream().mapToDouble(Refnn::number).toArray();
    }

    static double[][] matrix(Map<?, ?> in, String key) {
        return in.get(key) instanceof List<?> rows ? rows.stream().map(row -> row(row, key)).toArray(double[][]::new) : null;
    }

    /** A row of numbers or of pixels; a number alone, like a class, is a row of one. */
    static double[] row(Object x, String key) {
        if (x instanceof List<?> numbers) return numbers.stream().mapToDouble(Refnn::number).toArray();
        if (!key.equals("pixels")) return new double[] {number(x)};
        byte[] pixels = HexFormat.of().parseHex((String) x);
        return IntStream.range(0, pixels.length).mapToDouble(i -> (pixels[i] & 255) / 255.0).toArray();
    }

    static Map<String, Object> out(Object... pairs) {
        var out = new LinkedHashMap<String, Object>();
        for (int i = 0; i < pairs.length; i += 2) out.put((String) pairs[i], pairs[i + 1]);
        return out;
    }

    static String json(Object x) {
        if (x instanceof Map<?, ?> map)
            return map.entrySet().stream().map(e -> json(e.getKey()) + ":" + json(e.getValue())).collect(Collectors.joining(",", "{", "}"));
        if (x instanceof Object[] list) return Arrays.stream(list).map(Refnn::json).collect(Collectors.joining(",", "[", "]"));
        if (x instanceof double[] numbers) return json(Arrays.stream(numbers).boxed().toArray());
        if (x instanceof int[] numbers) return Arrays.toString(numbers);
        return x instanceof String || x instanceof Double d && (!Double.isFinite(d) || d.equals(-0.0)) ? '"' + x.toString() + '"' : String.valueOf(x);
    }

    /** Reads JSON, known to be valid: commas and colons are as blanks. Strings keep their escapes, and so are written as they came. */
    static final class Parser {
        final String text;
        int at = 0;

        Parser(String text) { this.text = text; }

        /** The value that begins here, or this where a list or map ends. */
        Object value() {
            while (",: \t".indexOf(text.charAt(at)) >= 0) at++;
            int start = at++;
            switch (text.charAt(start)) {
                case ']', '}': return this;
                case '[':
                    var list = new ArrayList<Object>();
                    for (Object item; (item = value()) != this; ) list.add(item);
                    return list;
                case '{':
                    var map = new HashMap<Object, Object>();
                    for (Object key; (key = value()) != this; ) map.put(key, value());
                    return map;
                case '"':
                    for (; text.charAt(at) != '"'; at++) if (text.charAt(at) == '\\') at++;
                    return text.substring(start + 1, at++);
            }
            while (at < text.length() && ",]} \t".indexOf(text.charAt(at)) < 0) at++;
            String word = text.substring(start, at);
            if (word.equals("null")) return null;
            return word.equals("true") ? Boolean.TRUE : word.equals("false") ? Boolean.FALSE : (Object) Double.valueOf(word);
        }
    }
}
