package hostile

import "math"

// Weights are refused shares of a target.
func Weights() []uint32 { return []uint32{101, 65536, 65537, 1 << 31, math.MaxUint32} }

// StatusCodes are refused codes of a redirect.
func StatusCodes() []uint32 {
	return []uint32{1, 99, 100, 101, 200, 204, 299, 300, 303, 304, 305, 306, 309, 399, 400, 404, 421, 444, 499, 500, 999, 1000, 3010, math.MaxUint32}
}

// BodySizes are refused limits of a body, in bytes.
func BodySizes() []int64 { return []int64{-1, math.MinInt64, 10<<30 + 1, 1<<40 + 1, math.MaxInt64} }

// Timeouts are refused timeouts, in milliseconds. None at all is written as no value.
func Timeouts() []int64 {
	return []int64{-1, math.MinInt64, 3_600_001, 86_400_001, math.MaxInt64}
}
