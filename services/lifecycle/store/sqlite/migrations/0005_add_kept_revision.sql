-- +goose Up

-- What the edge held when it refused, and holds; 0 for nothing. The default is for
-- inserts that do not know the column.
ALTER TABLE pin ADD COLUMN kept_revision INTEGER NOT NULL DEFAULT 0
    CHECK (kept_revision >= 0 AND (kept_revision = 0 OR kept_revision <> revision));
