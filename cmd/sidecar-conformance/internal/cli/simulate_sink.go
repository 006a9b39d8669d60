package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/cmd/sidecar-conformance/internal/show"
)

// sink is one place for results: standard output, or the file of a report.
type sink struct {
	format  string
	options show.Options
	out     io.Writer
	close   func() error
}

func formats() []string { return []string{"text", "json", "yaml", "mermaid"} }

func checkFormat(format string) error {
	if slices.Contains(formats(), format) {
		return nil
	}
	return fmt.Errorf("format %q is not known; known are %s", format, strings.Join(formats(), ", "))
}

func (s *simulation) openSinks() error {
	options := s.streams.options()
	options.All, options.ASCII = s.flags.verbose, s.flags.ascii
	if err := checkFormat(s.flags.output); err != nil {
		return err
	}
	s.sinks = []sink{{format: s.flags.output, options: options, out: s.streams.Out}}
	for _, report := range s.flags.reports {
		file, err := s.streams.openReport(report, "json=trace.json", checkFormat)
		if err != nil {
			return err
		}
		quiet := show.Options{Width: 100, All: options.All, ASCII: options.ASCII}
		s.sinks = append(s.sinks, sink{file.format, quiet, file.out, file.close})
	}
	return nil
}

func (s *simulation) closeReports() error {
	var closes []func() error
	for _, sink := range s.sinks {
		closes = append(closes, sink.close)
	}
	return closeReports(closes)
}
