// Reads lines "NAME X" (X: the 16 hex digits of a double), writes "NAME X Y" with Y = StrictMath.NAME(X).

import java.io.BufferedReader;
import java.io.InputStreamReader;

class Record {
    static double apply(String name, double x) {
        switch (name) {
            case "exp": return StrictMath.exp(x);
            case "log": return StrictMath.log(x);
            case "tanh": return StrictMath.tanh(x);
            case "sin": return StrictMath.sin(x);
            case "cos": return StrictMath.cos(x);
            default: throw new IllegalArgumentException(name);
        }
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] words = line.split(" ");
            double y = apply(words[0], Double.longBitsToDouble(Long.parseUnsignedLong(words[1], 16)));
            System.out.printf("%s %016x%n", line, Double.doubleToLongBits(y));
        }
    }
}
