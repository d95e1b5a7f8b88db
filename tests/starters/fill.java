    // A function for each kind of input and output.
    static long state;

    static long next() {
        long z = state += 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    static double[][] product(double[][] x, double[][] w, double[] b) {
        double[][] z = new double[x.length][w[0].length];
        for (int n = 0; n < x.length; n++)
            for (int j = 0; j < w[0].length; j++) {
                double s = b == null ? 0 : b[j];
                for (int i = 0; i < w.length; i++) s += x[n][i] * w[i][j];
                z[n][j] = s;
            }
        return z;
    }

    static Object answerNext(Map<String, Object> in) {
        state = seed(in, "seed");
        List<String> integers = new ArrayList<>();
        for (int n = integer(in, "count"); n > 0; n--) integers.add(hex64(next()));
        return Map.of("integers", integers);
    }

    static Object answerBelow(Map<String, Object> in) {
        state = seed(in, "seed");
        int[] integers = new int[integer(in, "count")];
        for (int i = 0; i < integers.length; i++)
            integers[i] = (int) Math.floor((next() >>> 11) / 9007199254740992.0 * number(in, "n"));
        return Map.of("integers", integers);
    }

    static Object answerStream(Map<String, Object> in) {
        state = seed(in, "seed");
        long last = 0;
        for (int n = integer(in, "k"); n > 0; n--) last = next();
        return Map.of("seed", hex64(last));
    }

    static Object answerDot(Map<String, Object> in) {
        double z = 0;
        double[] x = numbers(in, "x"), w = numbers(in, "w");
        for (int i = 0; i < x.length; i++) z += x[i] * w[i];
        return Map.of("z", z);
    }

    static Object answerMatmul(Map<String, Object> in) {
        return Map.of("c", product(matrix(in, "a"), matrix(in, "b"), null));
    }

    static Object answerLinearForward(Map<String, Object> in) {
        return Map.of("z", product(matrix(in, "x"), matrix(in, "w"), numbers(in, "b")));
    }

    static Object answerLinearBackwardParameters(Map<String, Object> in) {
        double[][] x = matrix(in, "x"), dz = matrix(in, "dz");
        double[][] dw = new double[x[0].length][dz[0].length];
        double[] db = new double[dz[0].length];
        for (int n = 0; n < x.length; n++)
            for (int j = 0; j < db.length; j++) {
                for (int i = 0; i < dw.length; i++) dw[i][j] += x[n][i] * dz[n][j];
                db[j] += dz[n][j];
            }
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("dw", dw);
        out.put("db", truth(in, "bias") ? db : null);
        return out;
    }

    static Object answerUpdate(Map<String, Object> in) {
        double[] p = numbers(in, "p"), dp = numbers(in, "dp");
        for (int i = 0; i < p.length; i++) p[i] = p[i] - number(in, "lr") * dp[i];
        return Map.of("p", p);
    }
