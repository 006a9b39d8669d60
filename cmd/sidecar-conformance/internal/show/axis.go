package show

import (
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// axis maps instants to columns. It is not to scale: between two neighbouring points lie at least one column and
// otherwise columns in proportion to the logarithm of the time between them, so that milliseconds of a start and
// minutes of a back-off fit into one picture.
type axis struct {
	points  []trace.Instant
	columns []int
	width   int
}

// tail is the room behind the last point, for an exit code.
const tail = 4

// newAxis makes the axis for the given points, in any order. room holds, for a point, the columns that should follow it.
func newAxis(points []trace.Instant, room map[trace.Instant]int, width int) *axis {
	points = slices.Clone(points)
	slices.Sort(points)
	a := &axis{points: slices.Compact(points), width: width}
	a.columns = make([]int, len(a.points))
	if len(a.points) < 2 {
		return a
	}
	gaps := make([]gap, len(a.points)-1)
	for i := range gaps {
		gaps[i] = gap{length: a.points[i+1].Sub(a.points[i]), least: max(1, room[a.points[i]])}
	}
	available := width - 1 - tail
	fitGaps(gaps, available)
	a.place(gaps, available)
	return a
}

// gap is the time between two neighbouring points.
type gap struct {
	length time.Duration
	// least is the number of columns that it gets in any case.
	least int
}

func sumLeast(gaps []gap) int {
	sum := 0
	for _, g := range gaps {
		sum += g.least
	}
	return sum
}

// fitGaps gives up room for exit codes, and then the shortest gaps, until all fits.
func fitGaps(gaps []gap, available int) {
	if sumLeast(gaps) <= available {
		return
	}
	for i := range gaps {
		gaps[i].least = 1
	}
	excess := len(gaps) - available
	if excess <= 0 {
		return
	}
	order := make([]int, len(gaps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(min(max(gaps[a].length-gaps[b].length, -1), 1)) })
	for _, i := range order[:excess] {
		gaps[i].least = 0
	}
}

func (a *axis) place(gaps []gap, available int) {
	total := uint64(0)
	for _, g := range gaps {
		total += g.weight()
	}
	spare := uint64(max(0, available-sumLeast(gaps)))
	least, weight := 0, uint64(0)
	for i, g := range gaps {
		least += g.least
		weight += g.weight()
		a.columns[i+1] = least + int(spare*weight/max(total, 1))
	}
}

// weight grows with the logarithm of the length; integers keep it the same on every machine.
func (g gap) weight() uint64 {
	if g.least == 0 {
		return 0
	}
	x := uint64(g.length/(50*time.Millisecond)) + 1
	whole := bits.Len64(x) - 1
	return uint64(whole)<<8 + (x<<8)>>whole - 1<<8 + 16
}

// column returns the column of an instant.
func (a *axis) column(at trace.Instant) int {
	i, exact := slices.BinarySearch(a.points, at)
	switch {
	case len(a.points) == 0:
		return 0
	case exact:
		return a.columns[i]
	case i == len(a.points):
		return a.columns[i-1]
	}
	return a.columns[max(i-1, 0)]
}

// ruler draws the ticks and their labels: two lines.
func (a *axis) ruler(g *glyphs) (ticks, labels line) {
	ticks, labels = make(line, a.width), make(line, a.width)
	if len(a.points) == 0 {
		return ticks, labels
	}
	end := a.columns[len(a.columns)-1]
	ticks.fill(0, end+1, dim, g.rule)
	free, previous := 0, ""
	last := len(a.points) - 1
	lastLabel := tickLabel(a.points[last])
	lastStart := min(end, a.width-len(lastLabel))
	for i := range a.points {
		column, label := a.columns[i], tickLabel(a.points[i])
		if i == last {
			column = lastStart
		} else if column < free || column+len(label)+1 > lastStart || label == previous {
			continue
		}
		ticks.put(a.columns[i], dim, string(g.tick))
		labels.put(column, dim, label)
		free, previous = column+len(label)+1, label
	}
	return ticks, labels
}

// tickLabel writes an instant in seconds, as the event list does, with as few decimals as a picture allows: "0.23s",
// "25.5s", "1300s".
func tickLabel(at trace.Instant) string {
	switch d := time.Duration(at); {
	case d >= 1000*time.Second:
		return trimZeros(trace.Seconds(at), 3)
	case d >= 10*time.Second:
		return trimZeros(trace.Seconds(at), 2)
	}
	return trimZeros(trace.Seconds(at), 1)
}

// trimZeros drops decimals from "12.340s": so many of the last, and zeros before them.
func trimZeros(seconds string, decimals int) string {
	whole, fraction, _ := strings.Cut(strings.TrimSuffix(seconds, "s"), ".")
	fraction = strings.TrimRight(fraction[:len(fraction)-decimals], "0")
	if fraction == "" {
		return whole + "s"
	}
	return whole + "." + fraction + "s"
}
