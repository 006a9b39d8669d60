package nodeimage

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

//go:embed releases.txt
var releaseTable string

//go:embed neighbours.txt
var neighbourTable string

// lineFacts is a row of releases.txt.
type lineFacts struct {
	etcd    string   // version of go.etcd.io/etcd/server/v3, such as v3.5.21
	kubelet []string // settings of the kubelet that cgroups v1 need, such as failCgroupV1=false
}

// factsOf returns what releases.txt knows of the line of a release.
func factsOf(release gates.Release) (lineFacts, error) {
	for _, row := range rows(releaseTable) {
		if len(row) == 3 && row[0] == release.Line() {
			facts := lineFacts{etcd: row[1]}
			if row[2] != "-" {
				facts.kubelet = strings.Split(row[2], ",")
			}
			return facts, nil
		}
	}
	return lineFacts{}, fmt.Errorf("release %q has no row in clusters/nodeimage/releases.txt; add one, or take one of %s to %s",
		release, gates.Oldest().Line(), gates.Newest().Line())
}

// published returns the version of the staging repositories that belongs to a release, and that of its line:
// v0.29.15 and v0.29.
func published(release gates.Release) (version, line string) {
	_, rest, _ := strings.Cut(release.String(), ".")
	_, minor, _ := strings.Cut(release.Line(), ".")
	return "v0." + rest, "v0." + minor
}

// neighboursOf returns the stand-ins of neighbours.txt for the line of a release: version by module.
func neighboursOf(release gates.Release) map[string]string {
	_, line := published(release)
	versions := map[string]string{}
	for _, row := range rows(neighbourTable) {
		if len(row) == 3 && row[1] == line {
			versions[row[0]] = row[2]
		}
	}
	return versions
}

// rows returns the fields of the lines of a table, without comments and empty lines.
func rows(table string) [][]string {
	var all [][]string
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 0 && !strings.HasPrefix(fields[0], "#") {
			all = append(all, fields)
		}
	}
	return all
}
