// An implementation of refnn's spec in Go. Fill in the functions in their order. To check it:
//
//	go build -o mine mine.go
//	python -m refnn.check --cmd ./mine
//
// A function that returns nil does not implement its operation. Return an Object with the outputs: float64,
// []float64, [][]float64, int, []int, string, []string; hex64 writes 64-bit integers. On processors with fused
// multiply-add, Go may fuse x*y + z: write float64(x*y) + z.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
)

// Object is the value of "in" and of "out".
type Object map[string]any

// :functions:
var operations = map[string]func(Object) Object{
	// :table:
}

// toDouble reads a double. JSON has no -0, Infinity and NaN: they are strings. With --hex, all are 16 hex digits.
func toDouble(value any) float64 {
	switch v := value.(type) {
	case float64:
		return v
	case string:
		if bits, err := strconv.ParseUint(v, 16, 64); err == nil && len(v) == 16 {
			return math.Float64frombits(bits)
		}
		number, err := strconv.ParseFloat(v, 64)
		if err != nil {
			panic(err)
		}
		return number
	}
	panic(fmt.Sprintf("not a number: %v", value))
}

func (in Object) number(key string) float64 { return toDouble(in[key]) }
func (in Object) integer(key string) int    { return int(in[key].(float64)) }
func (in Object) text(key string) string    { return in[key].(string) }
func (in Object) truth(key string) bool     { return in[key].(bool) }

// seed reads a 64-bit integer, 16 hex digits.
func (in Object) seed(key string) uint64 {
	number, err := strconv.ParseUint(in[key].(string), 16, 64)
	if err != nil {
		panic(err)
	}
	return number
}

// numbers reads a list; null is nil.
func (in Object) numbers(key string) []float64 { return toNumbers(in[key]) }

func toNumbers(value any) []float64 {
	if value == nil {
		return nil
	}
	list := value.([]any)
	numbers := make([]float64, len(list))
	for i, item := range list {
		numbers[i] = toDouble(item)
	}
	return numbers
}

// matrix reads a list of rows.
func (in Object) matrix(key string) [][]float64 {
	list := in[key].([]any)
	rows := make([][]float64, len(list))
	for i, row := range list {
		rows[i] = toNumbers(row)
	}
	return rows
}

func hex64(n uint64) string { return fmt.Sprintf("%016x", n) }

// encode turns doubles that JSON does not have into strings.
func encode(value any) any {
	switch v := value.(type) {
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 1):
			return "Infinity"
		case math.IsInf(v, -1):
			return "-Infinity"
		case v == 0 && math.Signbit(v):
			return "-0.0"
		}
	case []float64:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = encode(item)
		}
		return list
	case [][]float64:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = encode(item)
		}
		return list
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = encode(item)
		}
		return list
	case Object:
		object := make(map[string]any, len(v))
		for key, item := range v {
			object[key] = encode(item)
		}
		return object
	}
	return value
}

func main() {
	reader := bufio.NewReader(os.Stdin)
	for {
		line, err := reader.ReadBytes('\n')
		if err != nil {
			return
		}
		var question struct {
			ID string `json:"id"`
			Op string `json:"op"`
			In Object `json:"in"`
		}
		if err := json.Unmarshal(line, &question); err != nil {
			panic(err)
		}
		var out any
		if operation := operations[question.Op]; operation != nil {
			if answer := operation(question.In); answer != nil {
				out = encode(answer)
			}
		}
		text, err := json.Marshal(map[string]any{"id": question.ID, "out": out})
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text)) // os.Stdout is not buffered
	}
}
