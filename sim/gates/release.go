package gates

import (
	"fmt"
	"strconv"
	"strings"
)

// Release is one Kubernetes release 1.Minor.Patch.
type Release struct{ Minor, Patch int }

// String returns the release without a leading v, such as "1.29.15".
func (r Release) String() string { return fmt.Sprintf("1.%d.%d", r.Minor, r.Patch) }

// Line returns the release line, such as "1.29".
func (r Release) Line() string { return "1." + strconv.Itoa(r.Minor) }

// pinned lists, for every release line, the newest patch release whose source was read. A target without a patch
// number means that one.
var pinned = [...]Release{
	{28, 15}, {29, 15}, {30, 14}, {31, 14}, {32, 13}, {33, 13}, {34, 4}, {35, 4}, {36, 3}, {37, 2},
}

// Releases returns the pinned patch release of every line, oldest first.
func Releases() []Release { return append([]Release(nil), pinned[:]...) }

// Oldest and Newest are the ends of what is known.
func Oldest() Release { return pinned[0] }

// Newest returns the newest release that is known.
func Newest() Release { return pinned[len(pinned)-1] }

// ParseRelease reads "1.29" (the pinned patch release of the line) or "1.29.4", with or without a leading v.
func ParseRelease(text string) (Release, error) {
	parts := strings.Split(strings.TrimPrefix(text, "v"), ".")
	if len(parts) < 2 || len(parts) > 3 {
		return Release{}, fmt.Errorf("release %q: want 1.MINOR or 1.MINOR.PATCH, such as 1.29 or 1.29.4", text)
	}
	numbers := [3]int{}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || strconv.Itoa(n) != part {
			return Release{}, fmt.Errorf("release %q: %q is not a number; want 1.MINOR or 1.MINOR.PATCH, such as 1.29", text, part)
		}
		numbers[i] = n
	}
	if numbers[0] != 1 || numbers[1] < Oldest().Minor || numbers[1] > Newest().Minor {
		return Release{}, fmt.Errorf("release %q is not known; known are %s to %s", text, Oldest().Line(), Newest().Line())
	}
	newest := pinned[numbers[1]-Oldest().Minor]
	if len(parts) == 2 {
		return newest, nil
	}
	if numbers[2] > newest.Patch {
		return Release{}, fmt.Errorf("release %q was not read; the newest patch release of its line that is known is %s (write %s to use it)",
			text, newest, newest.Line())
	}
	return Release{numbers[1], numbers[2]}, nil
}

// since reports whether r is at or after the first of the given releases of its line. A line younger than all of them
// has the change from the start; a line that none of them names and that is older than the youngest does not.
// So since(r, {28, 8}, {29, 3}, {30, 0}) reads: in 1.28 from 1.28.8, in 1.29 from 1.29.3, in 1.30 and later always.
func (r Release) since(firsts ...Release) bool {
	youngest := Release{}
	for _, first := range firsts {
		if first.Minor == r.Minor {
			return r.Patch >= first.Patch
		}
		if first.Minor > youngest.Minor {
			youngest = first
		}
	}
	return r.Minor > youngest.Minor
}
