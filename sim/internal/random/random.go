package random

import "time"

// Source is splitmix64: small and seeded by its first state.
type Source struct{ State uint64 }

func (r *Source) next() uint64 {
	r.State += 0x9e3779b97f4a7c15
	z := r.State
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Fraction returns a number in [0, 1).
func (r *Source) Fraction() float64 { return float64(r.next()>>11) / (1 << 53) }

// Duration returns a length in [0, limit), in whole milliseconds so that traces stay readable.
func (r *Source) Duration(limit time.Duration) time.Duration {
	return time.Duration(r.Fraction() * float64(limit)).Truncate(time.Millisecond)
}

// Intn returns a number in [0, n).
func (r *Source) Intn(n int) int { return int(r.Fraction() * float64(n)) }
