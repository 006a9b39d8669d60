package cli

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

// reportSink is one place for a report: standard output, or a file.
type reportSink struct {
	format report.Format
	out    io.Writer
	close  func() error
}

// openSinks makes the files before anything runs: a run may take an hour.
func (v *verification) openSinks() error {
	format, err := report.ParseFormat(v.flags.output)
	if err != nil {
		return err
	}
	v.sinks = []reportSink{{format: format, out: v.streams.Out}}
	for _, text := range v.flags.reports {
		file, err := v.streams.openReport(text, "junit=report.xml", func(word string) (err error) {
			format, err = report.ParseFormat(word)
			return err
		})
		if err != nil {
			return err
		}
		v.sinks = append(v.sinks, reportSink{format, file.out, file.close})
	}
	return nil
}

func (v *verification) closeSinks() error {
	var closes []func() error
	for _, sink := range v.sinks {
		closes = append(closes, sink.close)
	}
	return closeReports(closes)
}

// commandLine is what was asked for, to be asked for again: the whole line, and what of it holds for a single case.
func commandLine(command *cobra.Command, names []string) (whole, one string) {
	var all, single []string
	command.Flags().Visit(func(flag *pflag.Flag) {
		if slices.Contains([]string{"output", "report", "verbose", "strict"}, flag.Name) {
			return // they change no outcome
		}
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			text := "--" + flag.Name + " " + quoteArg(value)
			if flag.Value.Type() == "bool" {
				text = "--" + flag.Name
				if value != "true" {
					text += "=" + value
				}
			}
			all = append(all, text)
			if !slices.Contains([]string{"target", "profile", "into"}, flag.Name) {
				single = append(single, " "+text)
			}
		}
	})
	for i, name := range names {
		names[i] = quoteArg(name)
	}
	return strings.Join(slices.Concat([]string{command.CommandPath()}, names, all), " "), strings.Join(single, "")
}

// quoteArg quotes an argument for a shell, if it must be.
func quoteArg(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=+,@~", r)
	}
	if text != "" && strings.TrimFunc(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
