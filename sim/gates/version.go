package gates

import (
	"fmt"
	"strconv"
	"strings"
)

// Known says how a version stands to the releases that were read.
type Known uint8

// The ways.
const (
	// Read: the patch release was read; everything is known of it.
	Read Known = iota
	// NewerPatch: the line is known, the patch release is newer than the one that was read. Its gates are known.
	NewerPatch
	// TooOld and TooNew: nothing is known.
	TooOld
	TooNew
)

// Version is what a component says of itself, such as v1.29.4 or, with the build of a vendor, v1.29.4-gke.1043000.
type Version struct {
	// Text is the version as it was read.
	Text string
	// Known says what the table knows of it. Release holds unless that is TooOld or TooNew.
	Known   Known
	Release Release
	// Build is what follows the three numbers, such as "-gke.1043000" or "+k3s1"; empty for an upstream release.
	Build string
}

// ParseVersion reads a version as /version and node.status.nodeInfo write it. Unlike ParseRelease it accepts builds of
// vendors and releases that were not read: a cluster is what it is. A text that is no version is an error.
func ParseVersion(text string) (Version, error) {
	v := Version{Text: text}
	numbers := strings.TrimPrefix(text, "v")
	if end := strings.IndexAny(numbers, "-+"); end >= 0 {
		numbers, v.Build = numbers[:end], numbers[end:]
	}
	parts := strings.Split(numbers, ".")
	if len(parts) != 3 {
		return Version{}, fmt.Errorf("version %q: want vMAJOR.MINOR.PATCH, such as v1.29.4", text)
	}
	n := [3]int{}
	for i, part := range parts {
		number, err := strconv.Atoi(part)
		if err != nil || number < 0 {
			return Version{}, fmt.Errorf("version %q: %q is not a number; want vMAJOR.MINOR.PATCH, such as v1.29.4", text, part)
		}
		n[i] = number
	}
	switch {
	case n[0] < 1 || n[0] == 1 && n[1] < Oldest().Minor:
		v.Known = TooOld
		return v, nil
	case n[0] > 1 || n[1] > Newest().Minor:
		v.Known = TooNew
		return v, nil
	}
	v.Release = Release{n[1], n[2]}
	if n[2] > pinned[n[1]-Oldest().Minor].Patch {
		v.Known = NewerPatch
	}
	return v, nil
}

// HasRelease reports whether Release holds.
func (v Version) HasRelease() bool { return v.Known == Read || v.Known == NewerPatch }

// Fixed says whether a gate has one state only in a release: locked, not yet there, or gone after it had become GA.
// Where it has, on is that state and why says the reason in a few words. The gate must be one of Gates().
func Fixed(name string, r Release) (on bool, why string, fixed bool) {
	g := findGate(name)
	spec := g.Spec(r)
	on = Component{Release: r}.On(name)
	switch {
	case spec.Locked:
		return on, fmt.Sprintf("locked in %s", r.Line()), true
	case spec.Stage != Unknown:
		return on, "", false
	case on:
		return on, fmt.Sprintf("removed before %s, always on", r.Line()), true
	}
	return on, fmt.Sprintf("not in %s", r.Line()), true
}

// FixedBySkew is Fixed for a kubelet of which nothing is known but that it belongs to an API server of the release: the
// skew policy leaves four release lines, and the gate must be fixed to the same state in each of them.
func FixedBySkew(name string, server Release) (on bool, why string, fixed bool) {
	var oldest Release
	seen := 0
	for _, r := range Releases() {
		if r.Minor > server.Minor || server.Minor-r.Minor > 3 {
			continue
		}
		state, _, same := Fixed(name, r)
		if !same || seen > 0 && state != on {
			return false, "", false
		}
		if seen == 0 {
			oldest = r
		}
		on = state
		seen++
	}
	if seen < 4 {
		return false, "", false // a kubelet may be of a release that was not read
	}
	return on, fmt.Sprintf("a kubelet of this API server is %s or newer", oldest.Line()), true
}
