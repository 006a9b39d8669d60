package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// AppendJSON appends the JSON form of one event, whose container is a position in the given table.
func (e *Event) AppendJSON(dst []byte, containers []Container) []byte {
	w := writer{containers: containers}
	w.event(e)
	return append(dst, w.out...)
}

// AppendJSON appends the JSON form of one version of a status of the given containers.
func (s *Status) AppendJSON(dst []byte, containers []Container) []byte {
	w := writer{containers: containers}
	w.status(s)
	return append(dst, w.out...)
}

// ReadEvent reads the JSON form of one event as strictly as ReadJSON reads all of a trace.
func ReadEvent(data []byte, containers []Container) (Event, error) {
	var e eventJSON
	if err := readPart(data, &e); err != nil {
		return Event{}, err
	}
	r := &reader{containers: containers}
	event := r.event(&e)
	return event, r.err
}

// ReadStatus reads the JSON form of one version of a status likewise.
func ReadStatus(data []byte, containers []Container) (Status, error) {
	var s statusJSON
	if err := readPart(data, &s); err != nil {
		return Status{}, err
	}
	r := &reader{containers: containers}
	status := r.status(&s)
	if r.err != nil {
		return Status{}, r.err
	}
	return status, status.writable(containers)
}

// CheckContainers reports names of a table of containers that are no DNS labels, or that two of them have.
func CheckContainers(containers []Container) error {
	if len(containers) > MaxContainers {
		return fmt.Errorf("containers: %d of them, at most %d are possible", len(containers), MaxContainers)
	}
	return checkNames(containers)
}

func readPart(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("there is more after its end")
	}
	return nil
}

// ParseDuration reads a length as the JSON form writes it: seconds such as 12.02s, or the word unbounded.
func ParseDuration(text string) (time.Duration, error) { return parseDuration(text) }

// FormatDuration writes a length as the JSON form does.
func FormatDuration(d time.Duration) string { return string(appendDuration(nil, d)) }
