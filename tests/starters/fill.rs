// A function for each kind of input and output.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E3779B97F4A7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D049BB133111EB);
    z ^ (z >> 31)
}

fn answer_next(input: &Json) -> Option<Json> {
    let mut state = input.seed("seed");
    object([("integers", list((0..input.integer("count")).map(|_| hex64(next(&mut state))).collect()))])
}

fn answer_below(input: &Json) -> Option<Json> {
    let (mut state, n) = (input.seed("seed"), input.integer("n") as f64);
    let mut below = || ((next(&mut state) >> 11) as f64 / 9007199254740992.0 * n).floor() as i64;
    object([("integers", integers(&(0..input.integer("count")).map(|_| below()).collect::<Vec<i64>>()))])
}

fn answer_stream(input: &Json) -> Option<Json> {
    let mut state = input.seed("seed");
    object([("seed", hex64((0..input.integer("k")).map(|_| next(&mut state)).last().unwrap()))])
}

fn answer_dot(input: &Json) -> Option<Json> {
    let mut z = 0.0;
    for (x, w) in input.numbers("x").iter().zip(input.numbers("w")) {
        z += x * w;
    }
    object([("z", number(z))])
}

fn product(x: &[Vec<f64>], w: &[Vec<f64>], b: &[f64]) -> Vec<Vec<f64>> {
    let sum = |row: &Vec<f64>, j: usize| row.iter().zip(w).fold(b[j], |s, (v, weights)| s + v * weights[j]);
    x.iter().map(|row| (0..b.len()).map(|j| sum(row, j)).collect()).collect()
}

fn answer_matmul(input: &Json) -> Option<Json> {
    let b = input.matrix("b");
    object([("c", matrix(&product(&input.matrix("a"), &b, &vec![0.0; b[0].len()])))])
}

fn answer_linear_forward(input: &Json) -> Option<Json> {
    let w = input.matrix("w");
    let b = if input.is_null("b") { vec![0.0; w[0].len()] } else { input.numbers("b") };
    object([("z", matrix(&product(&input.matrix("x"), &w, &b)))])
}

fn answer_linear_backward_parameters(input: &Json) -> Option<Json> {
    let (x, dz) = (input.matrix("x"), input.matrix("dz"));
    let mut dw = vec![vec![0.0; dz[0].len()]; x[0].len()];
    let mut db = vec![0.0; dz[0].len()];
    for (x, dz) in x.iter().zip(&dz) {
        for j in 0..dz.len() {
            for i in 0..x.len() {
                dw[i][j] += x[i] * dz[j];
            }
            db[j] += dz[j];
        }
    }
    object([("dw", matrix(&dw)), ("db", if input.truth("bias") { numbers(&db) } else { Json::Null })])
}

fn answer_update(input: &Json) -> Option<Json> {
    let (dp, lr) = (input.numbers("dp"), input.number("lr"));
    object([("p", numbers(&input.numbers("p").iter().zip(dp).map(|(p, dp)| p - lr * dp).collect::<Vec<f64>>()))])
}
