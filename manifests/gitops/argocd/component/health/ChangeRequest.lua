local status = obj.status or {}

local function find(kind)
  for _, row in ipairs(status.conditions or {}) do
    if row.type == kind then
      return row
    end
  end
  return {}
end

local function health(is, message)
  return {status = is, message = message or ""}
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "it is being deleted")
end
if status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "the operator has not looked at it as it is now")
end

local ready, phase = find("Ready"), status.phase or "New"
local allowed = find("Authorized")
local message = phase .. ": " .. (ready.message or "not judged yet")
if phase == "Closed" then
  return health("Healthy", message)
end
-- A bulk change has no condition Authorized: each stack's promotion asks for itself.
if allowed.status == "True" or (phase == "Scheduled" and allowed.status == nil) then
  return health("Healthy", message)
end
if phase == "Implement" then
  return health("Progressing", message)
end
if phase == "Scheduled" then
  message = message .. "; " .. (allowed.message or "")
end
-- It waits for people or for the clock, or ended without having been used: neither is a failure.
return health("Suspended", message)
