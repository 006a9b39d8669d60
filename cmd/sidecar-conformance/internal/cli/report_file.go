package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// reportFile is the file of one --report.
type reportFile struct {
	format string
	out    io.Writer
	close  func() error
}

// openReport makes the file of a --report, which is written FORMAT=FILE. Check says whether a format is known; example is one for the error.
func (s Streams) openReport(text, example string, check func(format string) error) (reportFile, error) {
	format, name, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return reportFile{}, fmt.Errorf("report %q: want FORMAT=FILE, such as %s", text, example)
	}
	if err := check(format); err != nil {
		return reportFile{}, fmt.Errorf("report %q: %w", text, err)
	}
	file, err := s.Create(name)
	if err != nil {
		return reportFile{}, fmt.Errorf("report %q: %w", text, err)
	}
	buffer := bufio.NewWriterSize(file, 64<<10)
	return reportFile{format, buffer, func() error { return errors.Join(buffer.Flush(), file.Close()) }}, nil
}

// closeReports closes what openReport made; what is nil is standard output.
func closeReports(closes []func() error) error {
	var problems []error
	for _, close := range closes {
		if close != nil {
			problems = append(problems, close())
		}
	}
	return errors.Join(problems...)
}
