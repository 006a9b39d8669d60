package cli

import (
	"bufio"
	"errors"
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
		format, name, ok := strings.Cut(report, "=")
		if !ok || name == "" {
			return fmt.Errorf("report %q: want FORMAT=FILE, such as json=trace.json", report)
		}
		if err := checkFormat(format); err != nil {
			return fmt.Errorf("report %q: %w", report, err)
		}
		file, err := s.streams.Create(name)
		if err != nil {
			return fmt.Errorf("report %q: %w", report, err)
		}
		buffer := bufio.NewWriterSize(file, 64<<10)
		quiet := show.Options{Width: 100, All: options.All, ASCII: options.ASCII}
		s.sinks = append(s.sinks, sink{format, quiet, buffer, func() error { return errors.Join(buffer.Flush(), file.Close()) }})
	}
	return nil
}

func (s *simulation) closeReports() error {
	var problems []error
	for _, sink := range s.sinks {
		if sink.close != nil {
			problems = append(problems, sink.close())
		}
	}
	return errors.Join(problems...)
}
