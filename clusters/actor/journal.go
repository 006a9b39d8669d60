package actor

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
)

// Entry is one line of a journal.
type Entry = script.Entry

// UnreadLines is the error for lines of a journal that could not be read. The entries of the others are good.
type UnreadLines struct {
	// Count is how many there were.
	Count int
	// First are the first of them, at most ten.
	First []UnreadLine
}

// UnreadLine is a line that is no entry of a journal.
type UnreadLine struct {
	// Number is the line's, from 1.
	Number int
	// Text is its beginning.
	Text string
	// Why says what is wrong with it.
	Why string
}

// Error says how many lines were not read, and shows the first.
func (u *UnreadLines) Error() string {
	first := u.First[0]
	return fmt.Sprintf("%d lines are no entries of a journal; the first is line %d, %q: %s", u.Count, first.Number, first.Text, first.Why)
}

const (
	// shownLines and shownText bound what UnreadLines holds.
	shownLines = 10
	shownText  = 200
)

// ParseJournal reads what an actor wrote: its journal's file, its standard output, or the log file that a node keeps of
// that, in which each line begins with a time stamp. Empty lines mean nothing. Lines of others do no harm, but none is
// passed over in silence: the error is then of type *UnreadLines, and every entry that could be read is returned.
// Any other error is the reader's.
//
// The standard output and the file of one container hold the same entries; read one of them. Entries come in the order in
// which they were written; those of probes and hooks by exec are written by processes of their own, so sort by Mono.
func ParseJournal(r io.Reader) ([]Entry, error) {
	var entries []Entry
	var unread UnreadLines
	reader := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if e, why := parseEntry(text); why != "" {
				unread.add(number, text, why)
			} else {
				entries = append(entries, e)
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return entries, fmt.Errorf("reading a journal: %w", err)
			}
			break
		}
	}
	if unread.Count > 0 {
		return entries, &unread
	}
	return entries, nil
}

func (u *UnreadLines) add(number int, text []byte, why string) {
	u.Count++
	if len(u.First) < shownLines {
		u.First = append(u.First, UnreadLine{number, string(text[:min(len(text), shownText)]), why})
	}
}

// parseEntry reads one line, and says what is wrong with it.
func parseEntry(line []byte) (e Entry, why string) {
	if line[0] != '{' {
		// TIME STREAM TAG TEXT, as the runtime logs the output of containers.
		fields := strings.SplitN(string(line), " ", 4)
		if len(fields) < 4 || fields[1] != "stdout" && fields[1] != "stderr" {
			return e, "it is no JSON object"
		}
		if fields[2] != "F" {
			return e, "it is a part of a line"
		}
		line = []byte(fields[3])
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return e, err.Error()
	}
	switch {
	case e.What == "" || e.Container == "":
		return e, "it does not say who did what"
	case !e.What.Known():
		return e, fmt.Sprintf("the actor of this version does not write %q", e.What)
	case e.At.IsZero() || e.Mono == 0:
		return e, "it has no time"
	}
	return e, ""
}
