// A function for each kind of input and output.
func next(state *uint64) uint64 {
	*state += 0x9E3779B97F4A7C15
	z := *state
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

func product(x, w [][]float64, b []float64) [][]float64 {
	z := make([][]float64, len(x))
	for n := range x {
		z[n] = make([]float64, len(w[0]))
		for j := range z[n] {
			s := 0.0
			if b != nil {
				s = b[j]
			}
			for i := range w {
				s += float64(x[n][i] * w[i][j])
			}
			z[n][j] = s
		}
	}
	return z
}

func answerNext(in Object) Object {
	state, integers := in.seed("seed"), []string{}
	for n := in.integer("count"); n > 0; n-- {
		integers = append(integers, hex64(next(&state)))
	}
	return Object{"integers": integers}
}

func answerBelow(in Object) Object {
	state, integers := in.seed("seed"), []int{}
	for n := in.integer("count"); n > 0; n-- {
		integers = append(integers, int(math.Floor(float64(next(&state)>>11)/9007199254740992*in.number("n"))))
	}
	return Object{"integers": integers}
}

func answerStream(in Object) Object {
	state, last := in.seed("seed"), uint64(0)
	for n := in.integer("k"); n > 0; n-- {
		last = next(&state)
	}
	return Object{"seed": hex64(last)}
}

func answerDot(in Object) Object {
	x, w, z := in.numbers("x"), in.numbers("w"), 0.0
	for i := range x {
		z += float64(x[i] * w[i])
	}
	return Object{"z": z}
}

func answerMatmul(in Object) Object {
	return Object{"c": product(in.matrix("a"), in.matrix("b"), nil)}
}

func answerLinearForward(in Object) Object {
	return Object{"z": product(in.matrix("x"), in.matrix("w"), in.numbers("b"))}
}

func answerLinearBackwardParameters(in Object) Object {
	x, dz := in.matrix("x"), in.matrix("dz")
	dw, db := make([][]float64, len(x[0])), make([]float64, len(dz[0]))
	for i := range dw {
		dw[i] = make([]float64, len(db))
		for j := range db {
			for n := range x {
				dw[i][j] += float64(x[n][i] * dz[n][j])
			}
		}
	}
	for n := range x {
		for j := range db {
			db[j] += dz[n][j]
		}
	}
	if !in.truth("bias") {
		return Object{"dw": dw, "db": nil}
	}
	return Object{"dw": dw, "db": db}
}

func answerUpdate(in Object) Object {
	p, dp, lr := in.numbers("p"), in.numbers("dp"), in.number("lr")
	for i := range p {
		p[i] = p[i] - float64(lr*dp[i])
	}
	return Object{"p": p}
}
