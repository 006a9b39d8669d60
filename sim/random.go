package sim

import "time"

// random is splitmix64: small, seeded, and the same on every platform.
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// fraction returns a number in [0, 1).
func (r *random) fraction() float64 { return float64(r.next()>>11) / (1 << 53) }

// duration returns a length in [0, limit), in whole milliseconds so that traces stay readable.
func (r *random) duration(limit time.Duration) time.Duration {
	return time.Duration(r.fraction() * float64(limit)).Truncate(time.Millisecond)
}

// intn returns a number in [0, n).
func (r *random) intn(n int) int { return int(r.fraction() * float64(n)) }
