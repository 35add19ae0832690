-- A store of schema version 2 as logboom 0.1 wrote it (sqlite3 FILE .dump), with one gap and a stream with missing numbers added. Never to be changed: such files are about.
PRAGMA application_id=1819240290; PRAGMA user_version=2;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES('created','2026-11-26T13:15:12Z');
INSERT INTO meta VALUES('schema_by','logboom 0.1.0');
CREATE TABLE publisher(
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE);
INSERT INTO publisher VALUES(0,X'00000000000000000000000000000000');
INSERT INTO publisher VALUES(1,X'64013725db2855809c73621465b8ab3c');
INSERT INTO publisher VALUES(2,X'1828e6780f6605d2c8fdc717bd2632c7');
INSERT INTO publisher VALUES(3,X'de49847c74f06fda89c7851fa9b5fa10');
CREATE TABLE site(
  id INTEGER PRIMARY KEY,
  logger TEXT NOT NULL,
  level INTEGER NOT NULL,
  level_name TEXT NOT NULL,
  file TEXT NOT NULL,
  line INTEGER NOT NULL,
  function TEXT NOT NULL,
  template TEXT NOT NULL,
  UNIQUE(logger, line, level, file, function, template, level_name));
INSERT INTO site VALUES(1,'logboom.collector',20,'INFO','',0,'','');
INSERT INTO site VALUES(2,'backup.disk',40,'ERROR','',0,'','');
INSERT INTO site VALUES(3,'lines',20,'INFO','',0,'','');
INSERT INTO site VALUES(4,'burst',20,'INFO','../../tests/system/workers/burst.cpp',93,'operator()','record {i} of thread {t}');
INSERT INTO site VALUES(5,'app',35,'','a.py',9,'f','');
INSERT INTO site VALUES(6,'etl',30,'WARNING','',0,'','');
CREATE TABLE source(
  id INTEGER PRIMARY KEY,
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  host TEXT NOT NULL,
  process TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  tid INTEGER NOT NULL,
  thread TEXT NOT NULL,
  UNIQUE(publisher_id, stream, tid, pid, started, host, process, thread));
INSERT INTO source VALUES(1,0,'vm','logboom',1037,1795698912466188291,0,0,'');
INSERT INTO source VALUES(2,1,'vm','logboom',1054,1795698912764474570,1,1054,'logboom');
INSERT INTO source VALUES(3,2,'vm','logboom',1060,1795698912824499557,1,1060,'logboom');
INSERT INTO source VALUES(4,3,'vm','burst',1068,1795698912930923216,1,1073,'burst');
INSERT INTO source VALUES(5,0,'other','p',7,0,0,8,'t');
INSERT INTO source VALUES(6,0,'vm','',0,0,0,0,'');
CREATE TABLE record(
  id INTEGER PRIMARY KEY,
  created INTEGER NOT NULL,
  level INTEGER NOT NULL,
  site_id INTEGER NOT NULL REFERENCES site(id),
  source_id INTEGER NOT NULL REFERENCES source(id),
  sequence INTEGER,
  message TEXT NOT NULL,
  fields TEXT,
  exception_type TEXT,
  exception TEXT,
  stack TEXT,
  task TEXT,
  attributes TEXT);
INSERT INTO record VALUES(1,1795698912510232080,20,1,1,NULL,'collecting on ipc:///tmp/au/g/bus into /tmp/au/g/logs.sqlite',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(2,1795698912795602172,20,1,1,NULL,'logboom (pid 1054 on vm) joined',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(3,1795698912780973759,40,2,2,1,'no space left','{"disk":"sda1","free":12}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(4,1795698912808596605,20,1,1,NULL,'logboom (pid 1054 on vm) left',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(5,1795698912832884605,20,1,1,NULL,'logboom (pid 1060 on vm) joined',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(6,1795698912832003958,20,3,3,1,'a line',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(7,1795698912904017405,20,1,1,NULL,'logboom (pid 1060 on vm) left',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(8,1795698912961178189,20,1,1,NULL,'burst (pid 1068 on vm) joined',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(9,1795698912939723767,20,4,4,1,'record 1 of thread 0','{"i":1,"t":0,"text":""}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(10,1795698912939736206,20,4,4,2,'record 2 of thread 0','{"i":2,"t":0,"text":""}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(11,1795698912939736286,20,4,4,3,'record 3 of thread 0','{"i":3,"t":0,"text":""}',NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(12,1795698912965606646,20,1,1,NULL,'burst (pid 1068 on vm) left',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO record VALUES(13,1795168800000000000,35,5,5,NULL,'by hand','{"deep":{"a":[1,2,{"b":null}]}}',NULL,NULL,'at 1',NULL,NULL);
INSERT INTO record VALUES(14,1795698913127851987,30,6,6,NULL,'structured ü','{"rows":7}','KeyError','Traceback: x',NULL,'load',NULL);
INSERT INTO record VALUES(15,1795698914272981251,20,1,1,NULL,'stopped',NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE ledger(
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  stream INTEGER NOT NULL,
  last INTEGER NOT NULL, missing TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(publisher_id, stream)) WITHOUT ROWID;
INSERT INTO ledger VALUES(1,1,1,'');
INSERT INTO ledger VALUES(2,1,1,'');
INSERT INTO ledger VALUES(3,1,3,'');
INSERT INTO ledger VALUES(3,2,40,'11-20,31-35!');
CREATE TABLE gap(
  id INTEGER PRIMARY KEY,
  publisher_id INTEGER NOT NULL REFERENCES publisher(id),
  stream INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  created INTEGER NOT NULL,
  reason TEXT NOT NULL);
INSERT INTO gap VALUES(1,3,2,31,35,1795168800000000000,'lost on the way');
CREATE TABLE minute(
  minute INTEGER NOT NULL,
  site_id INTEGER NOT NULL REFERENCES site(id),
  n INTEGER NOT NULL,
  PRIMARY KEY(minute, site_id)) WITHOUT ROWID;
INSERT INTO minute VALUES(29919480,5,1);
INSERT INTO minute VALUES(29928315,1,8);
INSERT INTO minute VALUES(29928315,2,1);
INSERT INTO minute VALUES(29928315,3,1);
INSERT INTO minute VALUES(29928315,4,3);
INSERT INTO minute VALUES(29928315,6,1);
CREATE INDEX record_created_level ON record(created, level);
CREATE INDEX gap_stream ON gap(publisher_id, stream);
CREATE VIEW records AS SELECT
  r.id AS id,
  r.created AS created,
  strftime('%Y-%m-%dT%H:%M:%S', r.created / 1000000000 - (r.created % 1000000000 < 0), 'unixepoch')
    || printf('.%09dZ', (r.created % 1000000000 + 1000000000) % 1000000000) AS time,
  r.level AS level,
  CASE ifnull(s.level_name, '') WHEN '' THEN 'Level ' || r.level ELSE s.level_name END AS level_name,
  ifnull(s.logger, '') AS logger,
  r.message AS message,
  r.fields AS fields,
  ifnull(o.host, '') AS host,
  ifnull(o.process, '') AS process,
  ifnull(o.pid, 0) AS pid,
  ifnull(o.thread, '') AS thread,
  ifnull(o.tid, 0) AS tid,
  ifnull(s.file, '') AS file,
  ifnull(s.line, 0) AS line,
  ifnull(s.function, '') AS function,
  ifnull(s.template, '') AS template,
  r.exception_type AS exception_type,
  r.exception AS exception,
  r.stack AS stack,
  r.task AS task,
  r.attributes AS attributes,
  CASE ifnull(o.publisher_id, 0) WHEN 0 THEN NULL ELSE lower(hex(p.uuid)) END AS publisher,
  ifnull(o.started, 0) AS started,
  ifnull(o.stream, 0) AS stream,
  r.sequence AS sequence
FROM record r
  LEFT JOIN site s ON s.id = r.site_id
  LEFT JOIN source o ON o.id = r.source_id
  LEFT JOIN publisher p ON p.id = o.publisher_id;
CREATE VIEW logs AS SELECT
  strftime('%Y-%m-%dT%H:%M:%S', r.created / 1000000000 - (r.created % 1000000000 < 0), 'unixepoch', 'localtime')
    AS created,
  ifnull(s.logger, '') AS name,
  CASE ifnull(s.level_name, '') WHEN '' THEN 'Level ' || r.level ELSE s.level_name END AS level,
  r.message AS message,
  ifnull(o.host, '') AS hostname,
  CAST(ifnull(o.pid, 0) AS TEXT) AS process,
  CAST(ifnull(o.tid, 0) AS TEXT) AS thread
FROM record r
  LEFT JOIN site s ON s.id = r.site_id
  LEFT JOIN source o ON o.id = r.source_id;
COMMIT;
